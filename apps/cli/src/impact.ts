// What a new version would do, as far as the service says it over HTTP. The same function as the service's own.
import type { Content } from '@assistant-ledger/assistant'
import { type Assistant, listEnvironments, listRunners, PAGE } from './service/assistants.js'
import type { Service } from './service/service.js'

/** So many runners are named. */
const NAMED = 8

/** Lines for people: what the environment points to now, and the runners that would get it or lose it. */
export async function reach(
  service: Service,
  present: Assistant,
  wanted: Content,
  environment: string,
): Promise<string[]> {
  const [{ impactOf }, { body: environments }, { body: runners }] = await Promise.all([
    import('@assistant-ledger/history'),
    listEnvironments(service, present.assistant_id),
    listRunners(service, { limit: PAGE }),
  ])
  // Which number it will have, only the service knows.
  const numbered = (content: Content, version: number) => ({ generation: 1, version, content })
  const { reached, lost } = impactOf({
    assistantId: present.assistant_id,
    environment,
    candidate: numbered(wanted, present.version + 1),
    present: numbered(present, present.version),
    environments,
    runners,
  })
  const version = environments.find((one) => one.environment === environment)?.version
  const now = version ? `version ${version} is in ${environment} now` : `nothing is in ${environment} yet`
  return [
    `impact: ${now}; ${counted(reached)} would get it`,
    ...(lost.length > 0 ? [`impact: ${counted(lost)} would lose the assistant with its graph`] : []),
  ]
}

function counted(runners: readonly { readonly runner: string }[]): string {
  if (runners.length === 0) return 'no runner'
  const names = runners.slice(0, NAMED).map(({ runner }) => runner)
  const more = runners.length > NAMED ? ', …' : ''
  return `${runners.length} runner${runners.length === 1 ? '' : 's'} (${names.join(', ')}${more})`
}
