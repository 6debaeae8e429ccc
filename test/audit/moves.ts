// What the tests of export, import, replay and backup have in common: a log with a varied life, and ways to compare two.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  assistantStream,
  type Command,
  type CommandContext,
  commandHashOf,
  decide,
  EMPTY,
  eventIdOf,
  fleetStream,
  fold,
  hashOf,
  ledgerStream,
  type Recorded,
  readEvent,
  SCHEMA,
  type State,
  sealFleetEvent,
  sealLedgerEvent,
  timestamp,
  uuid5,
} from '../../libs/assistant/src/index.js'
import { type ExportedEvent, readExport } from '../../libs/audit/src/index.js'
import {
  type EventLog,
  type LogForReading,
  openEmbeddedLog,
  openLogForReading,
} from '../../libs/event-log/src/index.js'

import { appendSurely } from '../event-log/events.js'

export const PROJECT = 'default'

/** A folder that is gone after the test. */
export async function scratch(ends: (() => Promise<unknown>)[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ledger-moves-'))
  ends.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export const idOf = (n: number): string => uuid5('3f0f6c0a-6d2f-5b7e-9a54-2f1d7d9c8eff', String(n))

let salts = 0
const salt = () => `salt-${++salts}`

export async function beginLog(log: EventLog, logId = 'a-log', now = timestamp(Date.now())): Promise<void> {
  const event = { type: 'LedgerOpened', data: { log_id: logId, salt: salt() } } as const
  const from = {
    stream: ledgerStream(PROJECT),
    now,
    commandId: idOf(-1),
    commandHash: '',
  }
  await log.append(from.stream, 'no_stream', [sealLedgerEvent(event, undefined, from)])
}

const contextOf = (stream: string, verb: Command['type']): CommandContext => ({
  stream,
  commandId: idOf(++salts),
  commandHash: commandHashOf({ verb, assistant_id: undefined, request: {} }),
  keyed: false,
  actor: { id: 'ada', verified: true, via: 'nats' },
  reason: `because of ${verb} \u2028 über`,
  now: timestamp(Date.now()),
  salts: [salt(), salt()],
  environments: new Set(['live', 'staging']),
})

/** Carries commands out as the service does, and returns the state. */
export async function live(log: EventLog, n: number, commands: readonly Command[]): Promise<State> {
  const stream = assistantStream(PROJECT, idOf(n))
  let state: State = EMPTY
  for await (const stored of log.readStream(stream)) state = fold(state, [readEvent(stored)])
  for (const command of commands) {
    const decision = decide(state, command, contextOf(stream, command.type))
    if (decision.type !== 'events') throw new Error(`${command.type} was ${JSON.stringify(decision)}`)
    const first = state.head ? state.head.revision + 1n : 0n
    await appendSurely(log, stream, state.head?.revision ?? 'no_stream', decision.events)
    state = fold(
      state,
      decision.events.map(
        ({ type, data, metadata }, i) =>
          ({ revision: first + BigInt(i), event: { type, data }, metadata }) as Recorded,
      ),
    )
  }
  return state
}

export const create = (n: number, graph = 'writer'): Command => ({
  type: 'create',
  assistant_id: idOf(n),
  content: { graph_id: graph, name: `Assistant ${n}`, metadata: { n, 'ü "quoted"': ['\u2028', '{}\\n'] } },
  if_exists: 'raise',
})
export const change = (n: number, promote_to: string | undefined = 'live'): Command => ({
  type: 'change',
  patch: { context: { prompt: `Prompt ${n}\nof two lines` } },
  ...(promote_to === undefined ? {} : { promote_to }),
})
export const deletion: Command = { type: 'delete' }

/** A log of `assistants` with versions, ways back, deletions and new lives, and receipts of one runner. */
export async function fillLog(log: EventLog, assistants: number): Promise<void> {
  await beginLog(log)
  // Of many, some at a time share a sync of the disk; few are written one after the other.
  const atATime = assistants > AT_A_TIME ? AT_A_TIME : 1
  for (let from = 0; from < assistants; from += atATime)
    await Promise.all(
      Array.from({ length: Math.min(atATime, assistants - from) }, (_, i) => fillAssistant(log, from + i)),
    )
  await report(log, 0)
}

const AT_A_TIME = 100

/** A log of assistants with prompts of 200 KiB that no compression makes smaller: what goes through it takes its time. */
export async function fillHeavyLog(log: EventLog, assistants: number): Promise<void> {
  await beginLog(log)
  await Promise.all(
    Array.from({ length: assistants }, (_, n) => {
      const content = { graph_id: 'writer', context: { prompt: randomBytes(150_000).toString('base64') } }
      return live(log, n, [{ type: 'create', assistant_id: idOf(n), content, if_exists: 'raise' }])
    }),
  )
}

async function fillAssistant(log: EventLog, n: number): Promise<void> {
  await live(log, n, [create(n, n % 3 === 2 ? 'other' : 'writer'), change(1), change(2, 'staging')])
  if (n % 4 === 1) await live(log, n, [deletion])
  if (n % 8 === 5) await live(log, n, [create(n), { type: 'promote', version: 1, environment: 'staging' }])
}

async function report(log: EventLog, n: number): Promise<void> {
  const stream = fleetStream(PROJECT, idOf(n))
  const event = {
    type: 'RunnersReported',
    data: { reports: [], salt: salt() },
  } as never
  const from = { stream, now: timestamp(Date.now()), commandId: idOf(-2), commandHash: '' } as never
  await log.append(stream, 'no_stream', [sealFleetEvent(event, undefined, from)])
}

/** Makes an assistant as a version would whose schema is newer than this one's, and returns its event. */
export async function newerEvent(log: EventLog, n: number) {
  const stream = assistantStream(PROJECT, idOf(n))
  const decision = decide(EMPTY, create(n), contextOf(stream, 'create'))
  const [event] = decision.type === 'events' ? decision.events : []
  if (!event) throw new Error(`a create was ${decision.type}`)
  const { hash: _, ...unhashed } = { ...event.metadata, schema: SCHEMA + 1 }
  const hash = hashOf(stream, 0n, event.type, unhashed)
  const newer = { ...event, id: eventIdOf(hash), metadata: { ...unhashed, hash } }
  await log.append(stream, 'no_stream', [newer])
  return { stream, revision: 0, ...newer }
}

/** All that is moved, in order: positions are a log's own, and so is what it says of itself. */
export async function contentOf(log: Pick<LogForReading, 'readAll'>) {
  const all = []
  for await (const { position: _, ...event } of log.readAll())
    if (!event.stream.startsWith('ledger.')) all.push(event)
  return all
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
}

const PROGRAM = join(process.cwd(), 'apps', 'cli', 'dist', 'main.js')

/** Starts the built command, as a person would. */
export const startCli = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Running =>
  start(process.execPath, [PROGRAM, ...args], env)

/** Runs the built command where a shell has prepared it: `ulimit -f 64; exec "$@"`. */
export const cliIn = (shell: string, args: readonly string[]): Promise<Ran> =>
  start('bash', ['-c', shell, 'bash', process.execPath, PROGRAM, ...args]).ended

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
  })
  const ended = (async () => {
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    return { code, out, err }
  })()
  return { child, ended }
}

export const cli = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  startCli(args, env).ended

export const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8')).trimEnd().split('\n')

export async function readEvents(pieces: AsyncIterable<Buffer>): Promise<ExportedEvent[]> {
  const events: ExportedEvent[] = []
  for await (const item of readExport(pieces)) if (item.type === 'event') events.push(item.event)
  return events
}

export async function* bytesOf(lines: readonly string[]): AsyncGenerator<Buffer> {
  const all = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  // In pieces that end anywhere.
  for (let i = 0; i < all.length; i += 1000) yield all.subarray(i, i + 1000)
}

export interface Source {
  readonly dir: string
  readonly dataDir: string
  /** Open for writing. */
  readonly log: EventLog
  readonly reading: LogForReading
  /** An export of all of it. */
  readonly file: string
}

/** A log that is open in this process, and its export by the command. */
export async function exportedSource(ends: (() => Promise<unknown>)[], assistants: number): Promise<Source> {
  const dir = await scratch(ends)
  const dataDir = join(dir, 'source')
  await mkdir(dataDir)
  const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  ends.push(() => log.close())
  await fillLog(log, assistants)
  const reading = await openLogForReading({ dataDir })
  ends.push(() => reading.close())
  const file = join(dir, 'all.ndjson')
  const { code, out, err } = await cli(['export', file, '--data-dir', dataDir])
  if (code !== 0 || err !== '' || !/all\.ndjson: \d+ events of project default/.test(out))
    throw new Error(`the export said ${out} ${err}`)
  return { dir, dataDir, log, reading, file }
}
