// Begins to observe a service whose log and read model are open: metrics, the look once a second, and spans of what is
// projected.

import { ROLES } from '../replicas/lead.js'
import { countFromZero, watchParts } from './gauges.js'
import { collectProcess, leads, registry } from './metrics.js'
import { type LogPart, type ModelPart, observed } from './observed.js'
import { projected } from './tracing.js'

interface Advancing {
  onAdvance(listener: (position: bigint) => void): () => void
}

/** @returns what ends it */
export function observe(
  { project, environments }: { readonly project: string; readonly environments: readonly string[] },
  log: LogPart,
  model: ModelPart & Advancing,
): () => Promise<void> {
  Object.assign(observed, { environments, log, model })
  registry.setDefaultLabels({ project })
  collectProcess()
  watchParts(observed)
  countFromZero(environments)
  for (const role of ROLES) leads.set({ role }, 0)
  observed.begin()
  const unlisten = model.onAdvance(projected)
  return async () => {
    unlisten()
    observed.end()
  }
}
