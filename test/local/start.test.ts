// `npm start` end to end on a free port and a data directory of its own: the scene, Ctrl-C, the second start.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { jest } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, errors } from '@nats-io/transport-node'
import { untilEqual } from '../faults/until.js'

const STOP_LIMIT_MS = 2_000
const DEADLINE_MS = 10_000
const BLOG = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0001'
const TWEET = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0002'

jest.setTimeout(120_000)

interface Started {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  readonly exit: Promise<number | null>
}

let dataDir: string
let port: number
const started: Started[] = []

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'local-start-'))
  port = await freePort()
})

afterAll(async () => {
  for (const { child, exit } of started) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exit
  }
  await rm(dataDir, { recursive: true, force: true })
})

/** Starts it as a terminal would, and resolves when it says how to stop it. */
const start = (env: Record<string, string> = {}, ...args: string[]) =>
  launch(env, process.execPath, 'scripts/start.mjs', ...args)

async function launch(env: Record<string, string>, program: string, ...args: string[]): Promise<Started> {
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DATA_DIR: dataDir, NATS_PORT: String(port), ...env },
  })
  const lines: string[] = []
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  const up = new Promise<void>((resolve) => {
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        lines.push(line)
        if (line.startsWith('Ctrl-C')) resolve()
      })
    }
  })
  const it = { child, lines, exit }
  started.push(it)
  await Promise.race([up, exit])
  return it
}

/** What a terminal does: the signal goes to the whole foreground group. */
async function ctrlC({ child, exit }: Started): Promise<number> {
  const began = performance.now()
  process.kill(-(child.pid as number), 'SIGINT')
  await exit
  return performance.now() - began
}

async function pids(): Promise<number[]> {
  return JSON.parse(await readFile(join(dataDir, 'local.json'), 'utf8')).pids
}

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** How many events the feed has, and which versions of the blog writer there are. */
async function recorded() {
  const connection = await connect({ servers: `nats://127.0.0.1:${port}` })
  const manager = await jetstreamManager(connection)
  const { state } = await manager.streams.info('ASSISTANT_EVENTS_default')
  await connection.close()
  const versions = await request<{ version: number }[]>('versions', { assistant_id: BLOG, limit: 100 })
  return { events: state.messages, versions: versions.map(({ version }) => version) }
}

async function request<Answer>(verb: string, body: unknown): Promise<Answer> {
  const connection = await connect({ servers: `nats://127.0.0.1:${port}` })
  const reply = await connection.request(`assistants.v1.default.${verb}`, JSON.stringify(body))
  await connection.close()
  return reply.json<Answer>()
}

const titled = (lines: readonly string[], title: string) =>
  lines.filter((line) => line.startsWith(`  ${title.padEnd(15)}`))

test('start - the scene, a clean Ctrl-C, a second start that adds nothing, the scene again', async () => {
  const first = await start()
  const text = first.lines.join('\n')
  expect(titled(first.lines, 'nats')).toEqual([expect.stringContaining(`nats://127.0.0.1:${port}`)])
  expect(titled(first.lines, 'seed')).toHaveLength(2)
  expect(titled(first.lines, 'run').join('\n')).toMatch(
    /blog writer v1: \[sample-deep\] Write a blog post\. →.*\n.*tweet writer v1: \[sample-swift\] Write a tweet\. →/,
  )
  expect(text).toMatch(/new version +blog writer v2 is live/)
  const receipts = titled(first.lines, 'receipt')
  expect(receipts[0]).toMatch(
    /3 of 3 runners are on [0-9a-f]{8}, the first after [\d.]+ ms, the last after [\d.]+ ms$/,
  )
  expect(titled(first.lines, 'next runs')[0]).toMatch(
    /24 of 24 on v2: \[sample-deep\] Write a blog post in three/,
  )
  expect(receipts[1]).toMatch(
    /2 of 3 runners .*; refused by writer-eu: .*sample-frontier is not allowed here; it stays on v2$/,
  )
  expect(titled(first.lines, 'next runs')[1]).toMatch(/on v3/)
  expect(text).toMatch(/rollback +blog writer v2 is live again: 3 of 3 runners are on [0-9a-f]{8}/)
  expect(text).toMatch(/guarded +v4 is promoted under the guard that all accept it; writer-eu refuses it: /)
  expect(text).toMatch(/taken back +by the registry itself: v2 is live again [\d.]+ ms after/)
  expect(text).toMatch(/cut off +writer-ap, still on v2 while v5 goes live: writer-eu .*, writer-us/)
  expect(text).toMatch(/caught up +writer-ap serves v5 [\d.]+ ms after the cut ended, without another write/)
  const [, schemas = ''] = /^ {2}curl -s (http\S+\/schemas)$/m.exec(text) ?? []
  const { context_schema: context } = (await (await fetch(schemas)).json()) as { context_schema: object }
  expect(context).toMatchObject({ properties: { prompt: { type: 'string' }, model: { type: 'string' } } })

  await everyCommandWorks(first.lines, dataDir)
  await everyAssistantsLineWorks(first.lines)
  // The command line finds it, whichever port it came up on.
  const { httpUrl } = JSON.parse(await readFile(join(dataDir, 'local.json'), 'utf8'))
  expect(schemas.startsWith(`${httpUrl}/assistants/`)).toBe(true)
  const before = await recorded()
  const running = await pids()
  expect(running).toHaveLength(6)
  const refused = await start()
  expect(await refused.exit).toBe(1)
  expect(refused.lines).toEqual([
    expect.stringMatching(/is in use by a start that still runs; end it with Ctrl-C/),
  ])
  // Nor does it take away what the running one is found by.
  expect(await pids()).toEqual(running)
  expect(await ctrlC(first)).toBeLessThan(STOP_LIMIT_MS)
  expect(running.filter(alive)).toEqual([])

  const second = await start()
  expect(titled(second.lines, 'seed')).toEqual([])
  expect(titled(second.lines, 'found as left')).toHaveLength(2)
  expect(titled(second.lines, 'run')).toEqual([])
  expect(await recorded()).toEqual(before)
  await request('delete', { assistant_id: TWEET })
  expect(await ctrlC(second)).toBeLessThan(STOP_LIMIT_MS)

  const demo = await launch({}, 'npm', 'run', 'demo')
  expect(titled(demo.lines, 'found as left')).toHaveLength(1)
  expect(titled(demo.lines, 'run')).toHaveLength(2)
  expect(titled(demo.lines, 'caught up')).toHaveLength(1)
  // What stops npm alone, as a supervisor does, stops everything.
  const running3 = await pids()
  demo.child.kill('SIGTERM')
  await untilEqual('all ended', DEADLINE_MS, () => running3.filter(alive), [])
})

test('start - secure: nobody comes in without a password, and everything works with those that are kept', async () => {
  const secureDir = join(dataDir, 'secure')
  const users = join(secureDir, 'nats-users.json')
  const first = await start({ DATA_DIR: secureDir }, '--secure')
  expect(titled(first.lines, 'secure')).toHaveLength(1)
  expect(titled(first.lines, 'caught up')).toHaveLength(1)
  const servers = `nats://127.0.0.1:${port}`
  await expect(connect({ servers, reconnect: false })).rejects.toThrow(errors.AuthorizationError)
  await everyCommandWorks(first.lines, secureDir)

  const passwords: Record<string, string> = JSON.parse(await readFile(users, 'utf8'))
  expect(Object.keys(passwords)).toEqual([
    'registry',
    'commander',
    'auditor',
    'writer-eu',
    'writer-us',
    'writer-ap',
  ])
  for (const file of [users, join(secureDir, 'local.json')]) expect((await stat(file)).mode & 0o077).toBe(0)
  for (const password of Object.values(passwords)) expect(first.lines.join('\n')).not.toContain(password)
  expect(await ctrlC(first)).toBeLessThan(STOP_LIMIT_MS)

  // With an auth module HTTP asks too, and what is printed to try says what to show it.
  const auth = { EXAMPLE_TOKENS: 'ada:tea', LANGGRAPH_AUTH: '{"path":"./examples/auth.ts:auth"}' }
  const demo = await start({ DATA_DIR: secureDir, ...auth }, '--demo', '--secure')
  expect(titled(demo.lines, 'caught up')).toHaveLength(1)
  const [, curl = ''] = /^ {2}(curl .*)$/m.exec(demo.lines.join('\n')) ?? []
  const { stdout } = await promisify(execFile)('sh', ['-c', curl], { env: { ...process.env, TOKEN: 'tea' } })
  expect([curl, JSON.parse(stdout)]).toEqual([expect.stringContaining('Bearer $TOKEN'), []])
  const shown = demo.lines.filter((line) => /ASSISTANTS_TOKEN="\$TOKEN" npx assistants \w/.test(line))
  expect(shown.at(-1)).toMatch(/ verify .*--only log read-model$/)
  expect(JSON.parse(await readFile(users, 'utf8'))).toEqual(passwords)
  expect(await ctrlC(demo)).toBeLessThan(STOP_LIMIT_MS)
})

test('start - a port that was asked for and is taken stops it with one clear line', async () => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const taken = String((blocker.address() as AddressInfo).port)
  const { lines, exit } = await start({ NATS_PORT: taken })
  expect(await exit).toBe(1)
  expect(lines).toEqual([`NATS_PORT ${taken} is in use: end what listens there, or choose another`])
  blocker.close()
})

test('start - a bad setting stops it with one clear line', async () => {
  const { lines, exit } = await start({ NATS_PORT: 'http' })
  expect(await exit).toBe(1)
  expect(lines).toEqual(['NATS_PORT is "http", but has to be 1 to 65535'])
})

/** The commands that it prints to try, through a shell, as a person would. */
async function everyCommandWorks(lines: readonly string[], dataDir: string): Promise<void> {
  const commands = lines.filter((line) => /^ {2}DATA_DIR=\S+ node scripts\/request\.mjs/.test(line))
  expect(commands.length).toBeGreaterThan(3)
  for (const command of commands) {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], {
      env: { ...process.env, DATA_DIR: dataDir },
    })
    expect(JSON.parse(stdout)).toBeTruthy()
  }
}

/** Those of the assistants command; where it would ask, an editor and a reason are given. */
async function everyAssistantsLineWorks(lines: readonly string[]): Promise<void> {
  const printed = lines.filter((line) => /^ {2}DATA_DIR=\S+ npx assistants /.test(line))
  expect(printed.map((line) => / assistants (\w+)/.exec(line)?.[1])).toEqual([
    'list',
    'edit',
    'diff',
    'log',
    'fleet',
    'apply',
    'verify',
  ])
  for (const line of printed) {
    const asked = line.includes(' edit ')
      ? `EDITOR='sed -i s/prompt:/prompt:/' ${line} --reason 'to try'`
      : line
    const { stdout, stderr } = await promisify(execFile)('sh', [
      '-c',
      asked.replace('npx ', 'node_modules/.bin/'),
    ])
    expect(stdout + stderr).not.toBe('')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
