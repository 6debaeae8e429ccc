// A reference runner worker: loads the graphs of langgraph.json, follows their assistants, and runs them on
// request. It prints one JSON line for each thing that happens to it; whoever operates it reads those.
import { type Assistants, followAssistants } from '@assistant-ledger/client'
import { connect, errors } from '@nats-io/transport-node'
import { register } from 'tsx/esm/api'
import { describeDeployed } from './describe/deployed.js'
import { GraphNotLoaded, loadGraphs } from './graphs.js'
import { modelCheck } from './model-check.js'
import { serveRuns } from './runs.js'
import { BadSetting, readSettings, type Settings } from './settings.js'
import { startTraces } from './traces.js'

/** Runs under way get this long to finish once the runner is asked to end. */
export const DRAIN_MS = 800
/** A runner that has not gone live by then says what it waits for, and again each time as long. */
export const WAITING_MS = 3_000

try {
  await main(readSettings(process.env))
} catch (error) {
  console.error(explain(error))
  process.exit(1)
}

/** One line for what whoever started this can change. @throws anything else, as it is */
function explain(error: unknown): string {
  if (error instanceof BadSetting || error instanceof GraphNotLoaded) return error.message
  if (error instanceof errors.AuthorizationError)
    return `NATS refuses this runner: check NATS_USER and NATS_PASSWORD (${error.message})`
  throw error
}

async function main(settings: Settings): Promise<void> {
  const say: Say = (event, more = {}) =>
    console.log(JSON.stringify({ event, runner: settings.runnerName, ...more, at: new Date().toISOString() }))

  const endTraces = await startTraces(process.env)
  // Graphs are TypeScript as their authors wrote them.
  register()
  const graphs = await loadGraphs(settings.langgraphJson, settings.graphs)
  const { login } = settings.nats
  const servers = [...settings.nats.servers]
  // Beside the following, which never gives up on a login: this one ends the runner as soon as NATS refuses it.
  const connecting = connect({
    ...login,
    servers,
    name: `runs-${settings.runnerName}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 500,
    pingInterval: 5_000,
    maxPingOut: 2,
    waitOnFirstConnect: true,
  })
  const following = followAssistants({
    servers,
    project: settings.project,
    environment: settings.environment,
    graphs: [...graphs.keys()],
    ...(settings.cacheDir === undefined ? {} : { cacheDir: settings.cacheDir }),
    runner: { name: settings.runnerName, build: process.env.BUILD ?? 'dev' },
    validate: modelCheck(settings.allowedModels),
    descriptors: Object.fromEntries(
      [...graphs.values()].map((graph) => [
        graph.name,
        () => describeDeployed(graph, (detail) => say('undescribed', { graph: graph.name, detail })),
      ]),
    ),
    ...(login && { nats: login }),
  }).then((assistants) => {
    tellChanges(assistants, say)
    return assistants
  })
  const telling = setInterval(() => say('waiting', waitingFor(settings, graphs.keys())), WAITING_MS)
  const [assistants, connection] = await Promise.all([following, connecting])
  if (assistants.status().state === 'live') clearInterval(telling)
  assistants.on('state', () => clearInterval(telling))
  const stopRuns = serveRuns({
    connection,
    project: settings.project,
    runner: settings.runnerName,
    graphs,
    assistant: (id) => assistants.find(id),
    onRun: ({ assistantId, ref, ms }) => say('run', { assistant_id: assistantId, ref, ms }),
  })

  // A request that arrives from here on finds its subscription.
  await connection.flush()
  tellState(assistants, say)

  let ending = false
  const end = async () => {
    if (ending) return
    ending = true
    await Promise.race([stopRuns(), new Promise((resolve) => setTimeout(resolve, DRAIN_MS))])
    await Promise.allSettled([assistants.close(), connection.close()])
    await endTraces()
    say('ended')
    process.exit()
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

/** A client alone cannot know whether an environment is one: nothing comes, in either case. */
function waitingFor({ nats, project, environment }: Settings, names: Iterable<string>) {
  const graphs = [...names]
  const of = `environment ${environment} and graph ${graphs.join(', ')} of project ${project}`
  const detail = `nothing came yet for ${of} from ${nats.servers.join(', ')}: a registry there has to have these in ENVIRONMENTS and LANGGRAPH_JSON`
  return { environment, graphs, detail }
}

type Say = (event: string, more?: Record<string, unknown>) => void

function tellChanges(assistants: Assistants, say: Say): void {
  assistants.on('reload', ({ id, from, to }) => say('reload', { assistant_id: id, from, ref: to }))
  assistants.on('rejected', ({ id, kept, refused, reason }) =>
    say('rejected', { assistant_id: id, ref: refused, kept, reason }),
  )
  assistants.on('removed', ({ id, from, reason }) => say('removed', { assistant_id: id, from, reason }))
  assistants.on('cache', ({ state, detail }) => say('cache', { state, detail }))
  assistants.on('descriptor', ({ graph, hash, state, detail }) =>
    say('descriptor', { graph, hash, state, detail }),
  )
}

/** What is held already is told as if it had just been swapped in: a reader needs no other way to learn it. */
function tellState(assistants: Assistants, say: Say): void {
  assistants.on('state', ({ from, to }) => say(to, { from }))
  for (const { id, ref } of assistants.list()) say('reload', { assistant_id: id, ref })
  say(assistants.status().state)
}
