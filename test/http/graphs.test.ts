// What is known of a graph, from a runner's registration over the real bus to the official client's answer: before and
// after anybody registered, by those that are there, across a restart, and from a read model that was made again.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DESCRIPTOR_LIMITS, graphStream, systemAssistantId } from '@assistant-ledger/assistant'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { Client } from '@langchain/langgraph-sdk'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assistantEvents, readLog, rebuildReadModel, rowsOf } from '../faults/records.js'
import { untilEqual } from '../faults/until.js'
import { freePort } from '../observability/scrape.js'
import { type BusClient, busClient } from '../support/bus.js'
import { descriptorNamed, drawn, schemasNamed } from '../support/descriptor.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'
import { send } from './service.js'

jest.setTimeout(60_000)

const DEADLINE_MS = 10_000
const WRITER = systemAssistantId('default', 'writer')

let nats: NatsServer
let dataDir: string
let port: number
let registry: RegistryProcess
let connection: NatsConnection
let bus: BusClient
let url: string
let assistants: Client['assistants']

const start = async () => {
  const env = {
    PORT: String(port),
    LANGGRAPH_CONFIG: JSON.stringify({ writer: { context: { model: 'sample-1' }, tags: ['default'] } }),
  }
  registry = await startRegistry({ natsUrl: nats.url, dataDir, env })
}

beforeAll(async () => {
  nats = await startNatsServer()
  dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-graphs-'))
  port = await freePort()
  await start()
  connection = await connect({ servers: nats.url })
  bus = busClient(connection)
  url = `http://127.0.0.1:${port}`
  assistants = new Client({ apiUrl: url, apiKey: null, callerOptions: { maxRetries: 0 } }).assistants
})
afterAll(async () => {
  await connection?.close()
  await registry?.stop()
  await nats?.stop()
  await rm(dataDir, { recursive: true, force: true })
})

interface Registered {
  readonly graph_id: string
  readonly hash: string
  readonly recorded: boolean
}

const asked = (name: string, more: object = {}) => ({
  graph_id: 'writer',
  runner: 'eu',
  build: '4f2c1aa',
  descriptor: descriptorNamed(name),
  ...more,
})
const register = (name: string, more: object = {}, headers = {}) =>
  bus.ask<Registered>('graphs.register', asked(name, more), headers)

/** A subgraph's schemas under the names of both of LangGraph's servers. */
const both = (name: string) => {
  const schemas = schemasNamed(name)
  const { input_schema: input, output_schema: output, state_schema: state, config_schema: config } = schemas
  return { ...schemas, input, output, state, config }
}

/** As it is answered: without where the class of a node is. */
const shown = (name: string) => {
  const { nodes, edges } = drawn(name)
  const [first, node, last] = nodes
  return { nodes: [first, { ...node, data: { name } }, last], edges }
}

const get = (path: string) => send(`${url}/assistants/${path}`, 'GET')
const titleNow = async () => (await assistants.getSchemas(WRITER)).input_schema?.title

describe('before any runner has reported', () => {
  test.each([
    ['graph', 'drawing'],
    ['graph?xray=true', 'drawing'],
    ['schemas', 'schemas'],
    ['subgraphs', 'subgraphs'],
    ['subgraphs/gp_two?recurse=true', 'subgraphs'],
  ])('/%s says who is awaited', async (path, part) => {
    expect(await get(`${WRITER}/${path}`)).toMatchObject({
      status: 404,
      body: {
        detail: expect.stringMatching(
          new RegExp(
            `^The ${part} of graph 'writer' is not known yet: a runner of graph 'writer' reports it`,
          ),
        ),
      },
    })
  })
})

describe('a registration that cannot be taken', () => {
  const deep = `{"graph_id":"writer","runner":"eu","descriptor":{"schemas":${'{"a":'.repeat(50_000)}{}${'}'.repeat(50_000)}}}`
  const huge = asked('huge', {
    descriptor: descriptorNamed('huge', { graph: drawn('x'.repeat(DESCRIPTOR_LIMITS.bytes / 3)) }),
  })

  test.each<[string, unknown, number, string, string | undefined]>([
    [
      'of a graph that is not deployed',
      asked('one', { graph_id: 'nowhere' }),
      404,
      'graph-not-found',
      'graph_id',
    ],
    ['without a graph', asked('one', { graph_id: null }), 422, 'invalid-request', 'graph_id'],
    ['of a graph without a name', asked('one', { graph_id: '' }), 422, 'invalid-request', 'graph_id'],
    ['without a runner', asked('one', { runner: undefined }), 422, 'invalid-request', 'runner'],
    ['of a runner without a name', asked('one', { runner: '' }), 422, 'invalid-request', 'runner'],
    ['of a build that is no text', asked('one', { build: 7 }), 422, 'invalid-request', 'build'],
    ['without a descriptor', asked('one', { descriptor: null }), 422, 'invalid-request', 'descriptor'],
    ['of a list', asked('one', { descriptor: [] }), 422, 'invalid-request', 'descriptor'],
    ['of nothing', asked('one', { descriptor: {} }), 422, 'invalid-request', 'descriptor/schemas'],
    ['of more than there is', asked('one', { more: 1 }), 422, 'invalid-request', 'more'],
    [
      'of a schema that is none',
      asked('one', { descriptor: { ...descriptorNamed('x'), xray: [7] } }),
      422,
      'invalid-request',
      'descriptor/xray/0',
    ],
    ['that is too large', huge, 413, 'too-large', 'descriptor'],
    [
      'that is too deep',
      deep,
      422,
      'invalid-request',
      expect.stringMatching(/^descriptor\/schemas\/a\/a/) as never,
    ],
    ['that is no object', '7', 422, 'invalid-request', undefined],
    ['that is empty', '', 422, 'invalid-request', undefined],
  ])('%s is refused by the field', async (_what, body, status, code, field) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    expect(await bus.sendText('graphs.register', text)).toMatchObject({
      status,
      body: { code, ...(field === undefined ? {} : { field }) },
    })
  })

  test('under the name of a runner other than the broker says is refused', async () => {
    const by = (token: string, runner: string) =>
      bus.send(`graphs.register.${token}`, asked('one', { runner }))
    for (const token of ['us', '=ZZ', 'eu=2E', 'EU'])
      expect(await by(token, 'eu')).toMatchObject({
        status: 422,
        body: { code: 'invalid-request', field: 'runner' },
      })
    expect(await bus.send('graphs.nothing.eu', {}).catch(({ message }) => message)).toMatch(/no responders/)
  })

  test('on a condition is refused', async () => {
    expect(await bus.send('graphs.register', asked('one'), { 'If-Match': '0' })).toMatchObject({
      status: 422,
      body: { code: 'invalid-request', detail: expect.stringContaining('If-Match') },
    })
  })

  test('has left nothing behind', async () => {
    expect(await get(`${WRITER}/graph`)).toMatchObject({ status: 404 })
  })
})

describe('once a runner has reported', () => {
  beforeAll(async () => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
    const headers = { 'X-Actor': 'ada', 'X-Reason': 'first%20start', traceparent }
    const first = await bus.send('graphs.register', asked('one'), headers)
    expect(first).toMatchObject({
      status: 200,
      body: { graph_id: 'writer', hash: expect.stringMatching(/^[0-9a-f]{64}$/), recorded: true },
      headers: { 'ledger-revision': '0', 'ledger-position': expect.stringMatching(/^\d+$/) },
    })
    expect(first.headers).not.toHaveProperty('ledger-pending')
    expect(await register('one', { runner: 'us' })).toEqual({
      ...(first.body as Registered),
      recorded: false,
    })
  })

  test('the client has its drawing at every depth, also by the name of the graph', async () => {
    for (const id of [WRITER, 'writer']) {
      expect(await assistants.getGraph(id)).toEqual(shown('one'))
      expect(await assistants.getGraph(id, { xray: false })).toEqual(shown('one'))
      expect(await assistants.getGraph(id, { xray: 1 })).toEqual(shown('one 1'))
      for (const xray of [true, 2, 9]) expect(await assistants.getGraph(id, { xray })).toEqual(shown('one 2'))
    }
    for (const bad of ['-1', '0', '0.5', 'deep', '1&xray=2'])
      expect(await get(`${WRITER}/graph?xray=${bad}`)).toMatchObject({
        status: 422,
        body: { detail: expect.stringMatching(/^Invalid xray value/), field: 'xray' },
      })
    for (const nowhere of ['nowhere', 'n'.repeat(500)])
      expect(await get(`${nowhere}/graph`)).toMatchObject({ status: 422, body: { field: 'assistant_id' } })
    expect(await get('writer/schemas')).toMatchObject({ status: 422, body: { field: 'assistant_id' } })
  })

  test('the client has its schemas, and by a header which descriptor they are of', async () => {
    expect(await assistants.getSchemas(WRITER)).toEqual({ graph_id: 'writer', ...schemasNamed('one') })
    const { hash } = await register('one')
    expect((await get(`${WRITER}/schemas`)).headers.get('ledger-descriptor')).toBe(hash)
  })

  test('the client has its subgraphs, one level or all, or the one it asks for', async () => {
    const [gp, p] = [both('one gp_two'), both('one gp_two|p_two')]
    expect(await assistants.getSubgraphs(WRITER)).toEqual({ gp_two: gp })
    expect(await assistants.getSubgraphs(WRITER, { recurse: true })).toEqual({
      gp_two: gp,
      'gp_two|p_two': p,
    })
    expect(await assistants.getSubgraphs(WRITER, { namespace: 'gp_two' })).toEqual({ gp_two: gp })
    const namespace = 'gp_two|p_two'
    expect(await assistants.getSubgraphs(WRITER, { namespace })).toEqual({})
    expect(await assistants.getSubgraphs(WRITER, { namespace, recurse: true })).toEqual({ [namespace]: p })
    for (const nowhere of ['p_two', 'constructor', '%'])
      expect(await assistants.getSubgraphs(WRITER, { namespace: nowhere, recurse: true })).toEqual({})
    expect(await get(`${WRITER}/subgraphs?recurse=perhaps`)).toMatchObject({
      status: 422,
      body: { field: 'recurse' },
    })
  })

  test('an assistant that is not there has none of it', async () => {
    for (const part of ['graph', 'schemas', 'subgraphs'])
      expect(await get(`${randomUUID()}/${part}`)).toMatchObject({
        status: 404,
        body: { detail: 'Assistant not found' },
      })
  })

  test('of many that report the same at once one is recorded', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => register('two', { runner: `${n}` })),
    )
    expect(answers.filter(({ recorded }) => recorded)).toHaveLength(1)
    expect(new Set(answers.map(({ hash }) => hash)).size).toBe(1)
    expect(await titleNow()).toBe('two')
  })

  test('what its runner could not find out is shown as such', async () => {
    const { schemas } = descriptorNamed('some')
    const descriptor = {
      schemas: { ...schemas, context_schema: null },
      graph: null,
      xray: [],
      subgraphs: {},
      unknown: ['/schemas/context_schema', '/graph', '/xray', '/subgraphs'],
    }
    await register('some', { descriptor })
    expect(await assistants.getSchemas(WRITER)).toMatchObject({
      state_schema: schemas.state_schema,
      context_schema: null,
      unknown: ['/schemas/context_schema'],
    })
    for (const xray of ['', '?xray=true'])
      expect(await get(`${WRITER}/graph${xray}`)).toMatchObject({
        status: 422,
        body: { detail: 'The graph does not support visualization' },
      })
    const subgraphs = await get(`${WRITER}/subgraphs`)
    expect([subgraphs.body, subgraphs.headers.get('ledger-unknown')]).toEqual([{}, '/subgraphs'])
  })
})

describe('of several descriptors', () => {
  test('those of runners that are there are shown, of live ones first, and the fleet names them', async () => {
    const hashes: Record<string, string> = {}
    for (const name of ['old', 'new', 'staged', 'newest']) hashes[name] = (await register(name)).hash
    expect(await titleNow()).toBe('newest')
    const say = (name: string, environment: string, state: string, descriptors: object) =>
      connection.publish(
        `assistants.v1.default.runners.${name}`,
        JSON.stringify({
          v: 1,
          name,
          instance: instances[name],
          environment,
          graphs: ['writer'],
          state,
          descriptors,
        }),
      )
    const instances: Record<string, string> = { eu: randomUUID(), us: randomUUID(), test: randomUUID() }
    const named = async () =>
      (await bus.ask<{ runner: string; descriptors?: object }[]>('fleet', {})).map(
        ({ runner, descriptors }) => [runner, descriptors],
      )
    say('test', 'staging', 'live', { writer: hashes.staged })
    await untilEqual('the staged one', DEADLINE_MS, titleNow, 'staged')
    say('eu', 'live', 'live', { writer: hashes.old, other: hashes.newest })
    await untilEqual('the live one', DEADLINE_MS, titleNow, 'old')
    say('us', 'live', 'live', { writer: hashes.new })
    await untilEqual('the newer of the live ones', DEADLINE_MS, titleNow, 'new')
    await untilEqual('the fleet', DEADLINE_MS, named, [
      ['eu', { writer: hashes.old, other: hashes.newest }],
      ['test', { writer: hashes.staged }],
      ['us', { writer: hashes.new }],
    ])
    // Its code was exchanged while it ran: what it said last counts.
    say('us', 'live', 'live', { writer: hashes.newest })
    await untilEqual('the newest', DEADLINE_MS, titleNow, 'newest')
    for (const name of ['eu', 'us']) say(name, 'live', 'closed', {})
    await untilEqual('the staged one again', DEADLINE_MS, titleNow, 'staged')
    say('test', 'staging', 'closed', {})
    await untilEqual('the one registered last', DEADLINE_MS, titleNow, 'newest')
  })
})

test('system assistants begin with what LANGGRAPH_CONFIG says', async () => {
  expect(await assistants.get(WRITER)).toMatchObject({
    version: 1,
    config: { tags: ['default'], configurable: { model: 'sample-1' } },
    context: { model: 'sample-1' },
    metadata: { created_by: 'system' },
  })
})

describe('after the registry was stopped', () => {
  test('the log has each descriptor once, with who sent it, and the feed has none', async () => {
    await registry.stop()
    const events = await readLog(dataDir)
    const registered = events.filter(({ stream }) => stream === graphStream('default', 'writer'))
    const hashes = registered.map(({ data }) => (data as { hash: string }).hash)
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(registered.slice(0, 2)).toMatchObject([
      {
        type: 'GraphRegistered',
        data: { runner: 'eu', build: '4f2c1aa' },
        metadata: {
          actor: { id: 'ada', verified: false, via: 'nats' },
          reason: 'first start',
          $correlationId: '1'.repeat(32),
        },
      },
      { metadata: { actor: { id: expect.stringMatching(/^runner\/\d+$/), verified: false, via: 'nats' } } },
    ])
    const published = await connection.request('$JS.API.STREAM.INFO.ASSISTANT_EVENTS_default', '')
    expect(published.json()).toMatchObject({ state: { messages: assistantEvents(events).length } })
  })

  test('a read model that is made again from the log is the same', async () => {
    const again = join(dataDir, 'again.db')
    await rebuildReadModel(dataDir, again)
    const rows = rowsOf(join(dataDir, 'read-model.db'))
    expect(rows.graph_descriptors?.length).toBeGreaterThan(5)
    expect(rowsOf(again)).toEqual(rows)
  })

  test('started without its read model it answers as before, and knows what is on record', async () => {
    for (const part of ['', '-wal', '-shm']) await rm(join(dataDir, `read-model.db${part}`), { force: true })
    await start()
    expect(await register('one')).toMatchObject({ recorded: false })
    expect(await titleNow()).toBe('newest')
    expect(await assistants.getGraph('writer', { xray: true })).toEqual(shown('newest 2'))
  })
})
