// Whom a change would reach, as far as the service says it over HTTP.
import { type Content, listEnvironments, listRunners, PAGE, type Runner } from './service/assistants.js'
import type { Service } from './service/service.js'

/** So many runners are named. */
const NAMED = 8

/** Lines for people: what the environment points to now, and the runners that would follow. */
export async function reach(
  service: Service,
  present: Content & { readonly assistant_id: string },
  wanted: Content,
  environment: string,
): Promise<string[]> {
  const [pointers, runners] = await Promise.all([
    listEnvironments(service, present.assistant_id),
    listRunners(service, { limit: PAGE }),
  ])
  const version = pointers.body.find((one) => one.environment === environment)?.version
  const now = version ? `version ${version} is in ${environment} now` : `nothing is in ${environment} yet`
  const reached = followers(runners.body, wanted.graph_id, environment)
  const lost = followers(runners.body, present.graph_id, environment).filter((one) => !reached.includes(one))
  return [
    `impact: ${now}; ${counted(reached)} of the graph ${wanted.graph_id} would get it`,
    ...(wanted.graph_id !== present.graph_id && lost.length > 0
      ? [`impact: ${counted(lost)} of the graph ${present.graph_id} would lose it`]
      : []),
  ]
}

const followers = (runners: readonly Runner[], graph: string, environment: string): string[] =>
  runners
    .filter((runner) => runner.environment === environment && runner.graphs.includes(graph))
    .map(({ runner }) => runner)

function counted(names: readonly string[]): string {
  if (names.length === 0) return 'no runner'
  const more = names.length > NAMED ? ', …' : ''
  return `${names.length} runner${names.length === 1 ? '' : 's'} (${names.slice(0, NAMED).join(', ')}${more})`
}
