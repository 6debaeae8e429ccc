// What the service and the fleet know of each graph: is it deployed, does a runner follow it, has it reported its schemas?
import { Failure } from '../failure.js'
import { listRunners, PAGE, searchAssistants } from '../service/assistants.js'
import type { Service } from '../service/service.js'
import type { Runner } from '../service/shapes.js'
import { type Finding, finding } from './finding.js'
import type { ManifestGraph } from './manifest.js'

/** @param graphs of the manifest, or those that the service has assistants of */
export async function checkGraphs(service: Service, graphs: readonly ManifestGraph[]): Promise<Finding[]> {
  try {
    const { body: runners } = await listRunners(service, { limit: PAGE })
    const findings: Finding[] = []
    for (const graph of graphs) findings.push(...(await check(service, graph, runners)))
    return findings
  } catch (error) {
    if (error instanceof Failure) return [finding('unknown', 'graphs', error.message)]
    throw error
  }
}

async function check(
  service: Service,
  { id, isPython }: ManifestGraph,
  runners: readonly Runner[],
): Promise<Finding[]> {
  const known = await systemAssistant(service, id)
  if (known === 'not deployed')
    return [
      finding(
        'wrong',
        `graph ${id}`,
        `the service does not know it: start the service with LANGGRAPH_JSON naming your file`,
      ),
    ]
  const following = runners.filter(({ graphs }) => graphs.includes(id))
  return [
    following.length > 0
      ? runnersOf(id, following)
      : finding('awaited', `runners of ${id}`, awaitedOf(isPython), isPython ? undefined : workerFor(id)),
    ...(known === undefined ? [] : await schemas(service, id, known)),
  ]
}

/** The log knows of runners, too, that this service has not heard since it started, or that do not serve yet. */
function runnersOf(graph: string, following: readonly Runner[]): Finding {
  const what = `runners of ${graph}`
  if (following.some(({ state }) => state === 'live')) return finding('ok', what, namesOf(following))
  return finding(
    'awaited',
    what,
    `none is live: ${namesOf(following)}; is it started, with the NATS address of this service?`,
  )
}

function namesOf(runners: readonly Runner[]): string {
  const named = runners
    .slice(0, 8)
    .map(({ runner, environment, state }) => `${runner} (environment ${environment}, state ${state})`)
  return named.join(', ') + (runners.length > 8 ? `, and ${runners.length - 8} more` : '')
}

const awaitedOf = (isPython: boolean) =>
  isPython
    ? 'none follows it: a runner in Python reads what docs/wire.md says; or give the content with each run, as docs/migration.md shows'
    : 'none follows it: without one a change has no receipt; this makes your worker one'

async function systemAssistant(
  service: Service,
  graph: string,
): Promise<string | 'not deployed' | undefined> {
  try {
    const search = { graph_id: graph, metadata: { created_by: 'system' } }
    for await (const { assistant_id } of searchAssistants(service, search, 1)) return assistant_id
    return undefined
  } catch (error) {
    if (error instanceof Failure && error.code === 'graph-not-found') return 'not deployed'
    throw error
  }
}

async function schemas(service: Service, graph: string, assistantId: string): Promise<Finding[]> {
  const what = `schemas of ${graph}`
  try {
    await service.ask('GET', `/assistants/${assistantId}/schemas`, { what })
    return [finding('ok', what, 'known: contents are checked against them')]
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.status !== 404) return [finding('unknown', what, error.message)]
    return [finding('awaited', what, 'not known yet: a runner of the graph reports them when it starts')]
  }
}

const workerFor = (graph: string) => `import { followAssistants, natsAddress } from '@assistant-ledger/client'

const { servers, login: nats = {} } = natsAddress(process.env)
const assistants = await followAssistants({
  servers,
  nats,
  environment: 'live',
  graphs: [${JSON.stringify(graph)}],
  cacheDir: './data/assistants',
  runner: { name: ${JSON.stringify(`${graph}-1`)}, build: process.env.GIT_SHA ?? 'dev' },
})
// for each run:
const assistant = assistants.get(assistantId)
await graph.invoke(input, assistant.runOptions({ configurable: { thread_id } }))`

const TOKEN = `defaultHeaders: { Authorization: \`Bearer \${process.env.ASSISTANTS_TOKEN}\` },`
const KEY = 'apiKey: process.env.ASSISTANTS_API_KEY,'

/** What a caller shows, as lines of the client; the secret itself stays in the environment. */
const SHOWN = {
  nothing: [],
  token: [TOKEN],
  key: [KEY],
  something: [KEY, `// or, with a token: ${TOKEN}`],
} as const

/**
 * How a program that manages assistants is pointed here.
 * @param shows what it has to show; `something`, where the service asks and it is not known for what
 */
export function clientFor(url: string, shows: keyof typeof SHOWN): string {
  const options = [`apiUrl: ${JSON.stringify(url)},`, ...SHOWN[shows]].map((line) => `  ${line}\n`)
  return `import { Client } from '@langchain/langgraph-sdk'\n\nconst { assistants } = new Client({\n${options.join('')}})`
}
