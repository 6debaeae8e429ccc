// Begins to observe a service, before any of its parts is open: metrics, and the look once a second. Parts are put into
// `observed` as they are opened.
import { ROLES } from '../replicas/lead.js'
import { countFromZero, watchParts } from './gauges.js'
import { collectProcess, leads, registry } from './metrics.js'
import { observed } from './observed.js'

/** @returns what ends it */
export function observe({
  project,
  environments,
}: {
  readonly project: string
  readonly environments: readonly string[]
}): () => Promise<void> {
  observed.environments = environments
  registry.setDefaultLabels({ project })
  collectProcess()
  watchParts(observed)
  countFromZero(environments)
  for (const role of ROLES) leads.set({ role }, 0)
  observed.begin()
  return async () => observed.end()
}
