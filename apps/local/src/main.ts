// `npm start`: everything on one machine, the main job shown once, and then a stack to try things on until
// Ctrl-C. Started again it finds what it left and adds nothing; `npm run demo` shows the scene again.
import { relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { COMMANDER, PASSWORD_FILE } from './access.js'
import { askedOverHttp } from './asked-over-http.js'
import { type Bus, busOf } from './bus.js'
import { processesLeft, removeInstance, writeInstance } from './instance.js'
import { PortTaken } from './nats-server.js'
import { allSwapped, playScene } from './scene.js'
import { BLOG, reseed, type Seeded, seed } from './seed.js'
import { BadSetting, readSettings, type Settings } from './settings.js'
import { Parts, startRunners, startService } from './stack.js'

/** One more than the longest title has. */
const TITLE_WIDTH = 15
/** A runner that says nothing is gone after 15 s. */
const COUNTED_DEADLINE_MS = 20_000
const LOOK_EVERY_MS = 100

const parts = new Parts()
let settings: Settings | undefined
/** Whether the note in DATA_DIR is ours to remove: another start's stays. */
let noted = false

process.on('SIGINT', stop)
process.on('SIGTERM', stop)
try {
  settings = readSettings(process.env, process.argv.slice(2))
  await start(settings)
} catch (error) {
  if (!parts.stopping) fail(explain(error as Error))
}

async function start(settings: Settings): Promise<void> {
  const left = await processesLeft(settings.dataDir)
  if (left.length > 0) {
    fail(
      `${settings.dataDir} is in use by a start that still runs; end it with Ctrl-C or \`kill ${left.join(' ')}\``,
    )
    return
  }
  await startService(settings, parts, fail)
  const { nats, connection } = parts
  if (nats === undefined || connection === undefined) return
  const bus = busOf(connection, settings.project)
  const [seeded] = await Promise.all([seed(bus), startRunners(settings, parts, fail)])
  const commander = parts.access.login(COMMANDER)
  noted = true
  await writeInstance(settings.dataDir, {
    natsUrl: nats.url,
    ...(parts.http === undefined ? {} : { httpUrl: httpUrl() }),
    ...(commander && { natsUser: commander.user, natsPassword: commander.pass }),
    project: settings.project,
    pids: [process.pid, ...parts.pids],
  })

  greet(settings, nats.port, nats.url)
  tellSeed(seeded)
  await everyoneHolds(seeded)
  if (seeded.added || settings.demo) await play(bus)
  else say('as it was left', 'nothing was added; stop it and start `npm run demo` to see the scene again')
  suggest(settings, nats.url, await askedOverHttp(httpUrl()))
}

/** The registry says the port in use with it where it had to take another one. */
function httpUrl(): string {
  return parts.http?.split(' ', 1)[0] ?? 'http://127.0.0.1:8123'
}

function greet(settings: Settings, port: number, url: string): void {
  const moved = port === settings.natsPort ? '' : ` (port ${settings.natsPort} is in use)`
  const dataDir = dataDirShown(settings.dataDir)
  say('nats', `${url}${moved}, JetStream in ${dataDir}/nats`)
  if (settings.secure)
    say('secure', `a NATS user for each role and runner, passwords in ${dataDir}/${PASSWORD_FILE}`)
  say('registry', `on the bus as assistants.v1.${settings.project}.*, log in ${dataDir}/log.db`)
  if (parts.http !== undefined) say('health', `${parts.http}, /health/ready and /metrics`)
  say('runners', `${parts.runners.map(({ name }) => name).join(', ')} run the graph writer`)
}

function tellSeed({ assistants, added }: Seeded): void {
  for (const { name, version, context } of assistants) {
    const { model = 'no model', prompt = '' } = context
    say(added ? 'seed' : 'found as left', `${name} v${version}: ${model}, "${prompt}"`)
  }
}

/** One that a runner's check refuses is not held by it: then it is the others that the start waits for. */
async function everyoneHolds({ assistants }: Seeded): Promise<void> {
  const [, ...unlimited] = parts.runners
  await Promise.all(
    assistants.map(({ assistant_id, version }) => allSwapped(unlimited, assistant_id, version)),
  )
}

async function play(bus: Bus): Promise<void> {
  const [strict, , remote] = parts.runners
  const { proxy, runners } = parts
  await everyoneCounts(bus)
  if (strict === undefined || remote === undefined || proxy === undefined) return
  await reseed(bus)
  await playScene({ bus, runners, strict, refusedModel: 'sample-frontier', remote, proxy, say })
}

/** Runners that an earlier start left behind without a word count until they have been silent for long enough. */
async function everyoneCounts(bus: Bus): Promise<void> {
  const names = parts.runners.map(({ name }) => name).sort()
  const deadline = performance.now() + COUNTED_DEADLINE_MS
  for (;;) {
    const there = await bus.request<{ runner: string }[]>('fleet', { limit: 1000 })
    if (isDeepStrictEqual(there.map(({ runner }) => runner).sort(), names)) return
    if (performance.now() > deadline) throw new Error(`the fleet is ${JSON.stringify(there)}, not ${names}`)
    await setTimeout(LOOK_EVERY_MS)
  }
}

/** @param header what HTTP has to be shown, as an option of curl; undefined where it asks nobody */
function suggest({ dataDir, secure }: Settings, natsUrl: string, header: string | undefined): void {
  const body = (value: unknown) => `'${JSON.stringify(value)}'`
  // The script finds this stack by the same variable.
  const where = process.env.DATA_DIR ? `DATA_DIR=${process.env.DATA_DIR} ` : ''
  const request = `${where}node scripts/request.mjs`
  const http = httpUrl()
  const curl =
    header === undefined
      ? `curl -s ${http}/assistants/${BLOG}/schemas`
      : `curl -s ${header} ${http}/assistants/search -d '{}'`
  const shows = header?.includes('$TOKEN') ? 'ASSISTANTS_TOKEN="$TOKEN" ' : 'ASSISTANTS_API_KEY="$API_KEY" '
  const assistants = `${where}${header === undefined ? '' : shows}npx assistants`
  // Who may ask NATS here has a password, which is not for the screen.
  const proved = secure ? '--only log read-model' : `--nats-url ${natsUrl}`
  console.log(`
to try, in another terminal (the id is the blog writer's):
  ${request} get ${body({ assistant_id: BLOG })}
  ${request} runs.writer ${body({ assistant_id: BLOG, input: { topic: 'tea' } })}
  ${request} update ${body({ assistant_id: BLOG, context: { prompt: 'Write a poem.', model: 'sample-deep' } })}
  ${request} versions ${body({ assistant_id: BLOG })}
  ${request} rollback ${body({ assistant_id: BLOG })}
  ${request} search ${body({ graph_id: 'writer' })}
  ${request} fleet '{}'
  ${request} fleet ${body({ assistant_id: BLOG })}
  ${request} fleet ${body({ assistant_id: BLOG, promotions: true })}
  ${where}npm run -s watch -- ${BLOG}
  ${curl}
or by name, with the assistants command (docs/cli.md):
  ${assistants} list
  ${assistants} edit 'blog writer'
  ${assistants} diff 'blog writer' 1 live
  ${assistants} log 'blog writer'
  ${assistants} fleet 'blog writer'
  ${assistants} apply -f examples/assistants/
  ${assistants} verify --data-dir ${dataDirShown(dataDir)} ${proved}
Ctrl-C stops everything`)
}

/** Below where one is, where it is there. */
function dataDirShown(dataDir: string): string {
  const below = relative(process.cwd(), dataDir)
  return below.startsWith('..') ? dataDir : below || '.'
}

function say(title: string, text: string): void {
  console.log(`  ${title.padEnd(TITLE_WIDTH)}${text}`)
}

function explain(error: Error): string {
  if (error instanceof PortTaken)
    return `NATS_PORT ${error.port} is in use: end what listens there, or choose another`
  return error instanceof BadSetting ? error.message : (error.message ?? String(error))
}

function fail(why: string): void {
  if (parts.stopping) return
  console.error(why)
  process.exitCode = 1
  stop()
}

/** A terminal's Ctrl-C may arrive twice, once more through npm: everything is stopped once. */
function stop(): void {
  if (parts.stopping) return
  parts.stop().then(async () => {
    if (settings && noted) await removeInstance(settings.dataDir)
    if (process.exitCode === undefined) console.log('stopped')
    process.exit()
  })
}
