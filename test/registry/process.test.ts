// The process: how it starts, what stops its start, and how it ends.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assistantStream, systemAssistantId } from '@assistant-ledger/assistant'
import { openEmbeddedLog } from '@assistant-ledger/event-log'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { freePort } from '../observability/scrape.js'
import { busClient } from '../support/bus.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { launchRegistry, type RegistryProcess, startRegistry } from '../support/registry.js'

const TIMEOUT_MS = 60_000
/** What an idle registry may take to end. */
const IDLE_STOP_MS = 2_000

let nats: NatsServer
let dataDir: string
const running: RegistryProcess[] = []

beforeEach(async () => {
  nats = await startNatsServer()
  dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-process-'))
}, TIMEOUT_MS)

afterEach(async () => {
  for (const registry of running.splice(0)) await registry.kill()
  await nats.stop()
  await rm(dataDir, { recursive: true, force: true })
}, TIMEOUT_MS)

async function start(env: Record<string, string> = {}) {
  const registry = await startRegistry({ natsUrl: nats.url, dataDir, env })
  running.push(registry)
  return registry
}

async function withBus<T>(use: (bus: ReturnType<typeof busClient>) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: nats.url })
  try {
    return await use(busClient(connection))
  } finally {
    await connection.close()
  }
}

/** Starts a registry that must not start; what it said. */
async function refusedStart(env: Record<string, string>) {
  const registry = await launchRegistry({ natsUrl: nats.url, dataDir, env })
  running.push(registry)
  expect(await registry.exited()).toBe(1)
  return registry.said().split('\n')
}

// The settings' own specification has every case; here, that the process says it and ends.
test.each([
  [{ PROJECT: 'No Good' }, 'PROJECT'],
  [{ LANGGRAPH_JSON: '/nowhere/langgraph.json' }, 'LANGGRAPH_JSON'],
  [{ LANGGRAPH_HTTP: '{"cors":{"max_age":-1}}' }, 'http.cors.max_age'],
  [{ EVENTSTORE_URL: 'esdb://x' }, 'EVENTSTORE_URL'],
])(
  'a bad setting stops the start with one line: %j',
  async (env, named) => {
    expect(await refusedStart(env as Record<string, string>)).toEqual([expect.stringContaining(named)])
  },
  TIMEOUT_MS,
)

test(
  'a second registry on the same log is refused with one line',
  async () => {
    await start()
    const said = await refusedStart({})
    expect(said).toHaveLength(1)
    expect(said[0]).toContain('log.db')
  },
  TIMEOUT_MS,
)

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends it cleanly and soon',
  async (signal) => {
    const port = await freePort()
    const registry = await start({ PORT: String(port) })
    // Who has begun a request, and may take a minute to send the rest, holds up nothing.
    const slow = connectSocket(port, '127.0.0.1')
    const cut = once(slow, 'close')
    slow.write('POST /assistants HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')
    expect((await fetch(`http://127.0.0.1:${port}/ok`)).status).toBe(200)
    const from = performance.now()
    await registry.kill(signal)
    expect(await registry.exited()).toBe(0)
    expect(performance.now() - from).toBeLessThan(IDLE_STOP_MS)
    expect(registry.said().split('\n')).toHaveLength(1)
    await cut
  },
  TIMEOUT_MS,
)

test(
  'started again it finds everything, adds nothing, and still knows its keys',
  async () => {
    const assistant_id = randomUUID()
    const send = (bus: ReturnType<typeof busClient>) =>
      bus.send('create', { graph_id: 'writer', assistant_id }, { 'Idempotency-Key': 'k' })
    const look = async (bus: ReturnType<typeof busClient>) => {
      const { body, headers } = await bus.send('search', { sort_by: 'assistant_id' })
      return { body, position: headers['ledger-position'] }
    }
    const first = await start()
    const [made, before] = await withBus(async (bus) => [await send(bus), await look(bus)])
    await first.stop()
    await start()
    await withBus(async (bus) => {
      expect(await look(bus)).toEqual(before)
      expect(await send(bus)).toEqual(made)
      expect(await look(bus)).toEqual(before)
    })
  },
  TIMEOUT_MS,
)

test(
  'a deleted system assistant returns at the next start',
  async () => {
    const first = await start()
    const assistant_id = await withBus(async (bus) => {
      const [system] = await bus.ask<{ assistant_id: string }[]>('search', {
        metadata: { created_by: 'system' },
      })
      await bus.ask('delete', { assistant_id: system?.assistant_id })
      return system?.assistant_id
    })
    await first.stop()
    await start()
    await withBus(async (bus) => {
      expect(await bus.ask('get', { assistant_id })).toMatchObject({ graph_id: 'writer', version: 1 })
    })
  },
  TIMEOUT_MS,
)

test(
  'a system assistant with an event of a newer version costs the start one line, no more',
  async () => {
    const first = await start()
    await first.stop()
    const assistant_id = systemAssistantId('default', 'writer')
    const stream = assistantStream('default', assistant_id)
    const log = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
    const metadata = { schema: 99, commandId: 'c', commandHash: 'h', actor: {}, at: '', hash: '' }
    await log.append(stream, 0n, [{ id: randomUUID(), type: 'ConfigChanged', data: {}, metadata }])
    await log.close()

    const registry = await start()
    const warnings = registry
      .said()
      .split('\n')
      .filter((line) => line.includes('system assistant'))
    expect(warnings).toEqual([expect.stringMatching(/graph writer .*Event 1 of stream/)])
    await withBus(async (bus) => {
      expect((await bus.send('get', { assistant_id })).body).toMatchObject({ code: 'unreadable' })
      expect(await bus.ask('create', { graph_id: 'writer' })).toMatchObject({ version: 1 })
    })
  },
  TIMEOUT_MS,
)

test.each([
  [
    'a damaged log',
    {},
    (file: string) => writeFile(file, 'x'.repeat(8192)),
    /file is not a database \(SQLITE_NOTADB\)$/,
  ],
  [
    'a native module that cannot be loaded',
    { NODE_OPTIONS: '--no-addons' },
    async () => {},
    /native addon.* \(ERR_DLOPEN_DISABLED\)$/,
  ],
])(
  '%s stops the start with one line that says what it is',
  async (_, env, prepare, told) => {
    await prepare(join(dataDir, 'log.db'))
    const said = await refusedStart(env as Record<string, string>)
    expect(said).toEqual([expect.stringMatching(told)])
    expect(said[0]).toContain('log.db does not open: ')
  },
  TIMEOUT_MS,
)

test(
  'both forms of langgraph.json are read, and without one any graph is taken',
  async () => {
    const manifest = join(dataDir, 'langgraph.json')
    const graphs = { plain: './a.ts:graph', told: { path: './b.ts:graph', description: 'what it does' } }
    await writeFile(manifest, JSON.stringify({ graphs }))
    const registry = await start({ LANGGRAPH_JSON: manifest })
    await withBus(async (bus) => {
      const found = await bus.ask('search', {
        sort_by: 'name',
        select: ['graph_id', 'description'],
        sort_order: 'asc',
      })
      expect(found).toEqual([
        { graph_id: 'plain', description: null },
        { graph_id: 'told', description: 'what it does' },
      ])
      expect((await bus.send('create', { graph_id: 'writer' })).status).toBe(404)
    })
    await registry.stop()
  },
  TIMEOUT_MS,
)

test(
  'with NATS away it waits, and ends when it is told to',
  async () => {
    await nats.kill()
    const registry = await launchRegistry({ natsUrl: nats.url, dataDir })
    running.push(registry)
    await said(registry, 'waiting for NATS')
    await nats.restart()
    await registry.ready
    await withBus(async (bus) => expect(await bus.ask('count', {})).toBe(1))
    await nats.kill()
    const from = performance.now()
    await registry.kill('SIGTERM')
    expect(await registry.exited()).toBe(0)
    expect(performance.now() - from).toBeLessThan(IDLE_STOP_MS * 2)
  },
  TIMEOUT_MS,
)

/** Resolves when the registry has said it; its lines come through a pipe, so there is nothing to wait on but time. */
async function said(registry: RegistryProcess, text: string): Promise<void> {
  while (!registry.said().includes(text)) await new Promise((resolve) => setTimeout(resolve, 10))
}
