// The check of contents in the service itself, over HTTP and the bus alike: schemas that runners registered, secrets, and
// schemas that mean no good.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemAssistantId } from '@assistant-ledger/assistant'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { Client } from '@langchain/langgraph-sdk'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import Database from 'better-sqlite3'
import { until } from '../faults/until.js'
import { TestRunner } from '../fleet/runner.js'
import { type Answer, send as sendTo } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { type BusClient, busClient } from '../support/bus.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'
import { descriptorOf } from './ledger.js'

jest.setTimeout(60_000)

const DEADLINE_MS = 10_000
const SYSTEM = systemAssistantId('default', 'writer')
/** Put together here, so that no scanner of this repository takes it for a real one. */
const KEY = ['sk', 'ant', 'api03', 'q7Zt2LmX9vRk4Bn8Wc3Yd6Pf1Hs5Gj0Ta'].join('-')
const OF_TEXT = descriptorOf({
  context_schema: { properties: { model: { type: 'string' } }, required: ['model'] },
})
const OF_NUMBER = descriptorOf({ context_schema: { properties: { model: { type: 'number' } } } })
const FITS = { context: { model: 'a' } }
const MISFIT = { context: { model: 7 } }

let nats: NatsServer
let dataDir: string
let port: number
let registry: RegistryProcess
let connection: NatsConnection
let bus: BusClient
const runners: TestRunner[] = []

const start = async (env: Record<string, string>) => {
  const own = { PORT: String(port), LANGGRAPH_JSON: join(dataDir, 'langgraph.json') }
  registry = await startRegistry({ natsUrl: nats.url, dataDir, env: { ...own, ...env } })
}
const send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer> => sendTo(`http://127.0.0.1:${port}${path}`, method, body, headers)
const register = (graph_id: string, descriptor: object) =>
  bus.ask<{ hash: string }>('graphs.register', { graph_id, runner: 'eu', descriptor })

/** A runner that is there and says what it runs. */
async function runs(name: string, environment: string, hash: string) {
  const runner = new TestRunner(connection, { name, logId: 'any', environment })
  runners.push(runner)
  const there = async () => {
    runner.say('live', { descriptors: { writer: hash } })
    return bus.ask<{ runner: string; descriptors?: object }[]>('fleet', {})
  }
  await until(`the runner ${name}`, DEADLINE_MS, there, (rows) =>
    rows.some((row) => row.runner === name && row.descriptors),
  )
}

interface Stored {
  readonly data: Record<string, unknown>
  readonly metadata: Record<string, unknown>
}

/** The events of streams whose names end so, as the log's file has them. */
function recorded(ending = ''): Stored[] {
  const log = new Database(join(dataDir, 'log.db'), { readonly: true })
  try {
    const rows = log
      .prepare(
        'SELECT data, metadata FROM events JOIN streams USING (stream_id) WHERE name LIKE ? ORDER BY position',
      )
      .all(`%${ending}`) as { data: string; metadata: string }[]
    return rows.map(({ data, metadata }) => ({ data: JSON.parse(data), metadata: JSON.parse(metadata) }))
  } finally {
    log.close()
  }
}

beforeAll(async () => {
  nats = await startNatsServer()
  dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-validation-'))
  port = await freePort()
  const graphs = { writer: './writer.ts:graph', editor: './editor.ts:graph' }
  await writeFile(join(dataDir, 'langgraph.json'), JSON.stringify({ graphs }))
  await start({ PROTECTED_ENVIRONMENTS: 'staging', LOG_LEVEL: 'debug' })
  connection = await connect({ servers: nats.url })
  bus = busClient(connection)
}, 90_000)
afterAll(async () => {
  for (const runner of runners) runner.close()
  await connection?.close()
  await registry?.stop()
  await nats?.stop()
  await rm(dataDir, { recursive: true, force: true })
}, 30_000)

describe('what a runner registered', () => {
  let hash: string
  let violations: object[]
  let id: string

  beforeAll(async () => {
    const before = await send('POST', '/assistants', { graph_id: 'writer', ...MISFIT })
    expect(before.body).not.toHaveProperty('violations')
    hash = (await register('writer', OF_TEXT)).hash
    violations = [{ pointer: '/context/model', message: 'must be string', descriptor: hash }]
    id = (await send('POST', '/assistants', { graph_id: 'writer', ...FITS })).body.assistant_id
    // What is enforced waits for the thread to start, however long that takes here; what is noted might not.
    expect(await send('PATCH', `/assistants/${id}?promote_to=staging`, FITS)).toMatchObject({ status: 200 })
  })

  test('is held against a create and an update, in both answers and in the events', async () => {
    const made = await send('POST', '/assistants', { graph_id: 'writer', ...MISFIT })
    expect(made).toMatchObject({ status: 200, body: { version: 1, violations } })
    const changed = await send('PATCH', `/assistants/${made.body.assistant_id}`, { context: { model: null } })
    expect(changed).toMatchObject({ status: 200, body: { version: 2, violations } })
    expect(await bus.ask('create', { graph_id: 'writer', ...MISFIT })).toMatchObject({ violations })
    const { assistant_id } = made.body
    expect(await bus.ask('update', { assistant_id, ...MISFIT, promote: false })).toMatchObject({ violations })
    const { body } = await send('GET', `/assistants/${assistant_id}/history`)
    expect(body.entries[0]).toMatchObject({ type: 'ConfigChanged', version: 3, violations })
    expect(recorded(assistant_id).map(({ data }) => data.violations)).toEqual([
      violations,
      violations,
      violations,
      violations,
    ])
  })

  test('changes nothing for the official client but a field that it does not know', async () => {
    const apiUrl = `http://127.0.0.1:${port}`
    const { assistants } = new Client({ apiUrl, apiKey: null, callerOptions: { maxRetries: 0 } })
    const made = await assistants.create({ graphId: 'writer', ...MISFIT })
    expect(made).toMatchObject({ version: 1, ...MISFIT, violations })
    expect(await assistants.get(made.assistant_id)).not.toHaveProperty('violations')
  })

  test('keeps what does not fit out of a protected environment, by every way in', async () => {
    const refused = { status: 422, body: { code: 'invalid-config', field: '/context/model', violations } }
    expect(await send('PATCH', `/assistants/${id}?promote_to=staging`, MISFIT)).toMatchObject(refused)
    const { version } = (await send('PATCH', `/assistants/${id}`, MISFIT)).body
    const promote = (body: object) =>
      send('POST', `/assistants/${id}/latest`, { environment: 'staging', ...body })
    expect(await promote({ version })).toMatchObject(refused)
    expect(await promote({ from: 'live' })).toMatchObject(refused)
    const over = { assistant_id: id, environment: 'staging', version }
    expect(await bus.send('promote', over)).toMatchObject(refused)
    expect(await bus.send('update', { assistant_id: id, ...MISFIT, promote_to: 'staging' })).toMatchObject(
      refused,
    )
    expect(await promote({ version: 1 })).toMatchObject({ status: 200, body: { version: 1 } })
  })

  test('counts as long as no runner of the environment is there that says otherwise', async () => {
    const other = await register('writer', OF_NUMBER)
    const onto = (promote_to: string) => send('PATCH', `/assistants/${id}?promote_to=${promote_to}`, MISFIT)
    expect((await onto('live')).body).not.toHaveProperty('violations')
    await runs('eu-live', 'live', hash)
    expect((await onto('live')).body).toMatchObject({ violations })
    expect(await onto('staging')).toMatchObject({ status: 200 })
    await runs('eu-live-next', 'live', other.hash)
    expect((await onto('live')).body).not.toHaveProperty('violations')
  })
})

describe('a likely secret', () => {
  const WITH = { graph_id: 'writer', context: { model: 'a', keys: [{ anthropic: KEY }] } }
  const refused = { status: 422, body: { code: 'likely-secret', pointers: ['/context/keys/0/anthropic'] } }

  test('is refused by its place, over HTTP and the bus, and nothing of it gets anywhere', async () => {
    const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
    const { graph_id: _, ...patch } = WITH
    const answers = [
      await send('POST', '/assistants', WITH),
      await send('PATCH', `/assistants/${assistant_id}`, patch),
      await bus.send('create', WITH),
      await bus.send('update', { assistant_id, ...patch }),
      await send('POST', '/assistants', { graph_id: 'writer', metadata: { [KEY]: 1 } }),
      await send('POST', '/assistants', WITH, { 'X-Allow-Secrets': 'true' }),
    ]
    for (const answer of answers.slice(0, 4)) expect(answer).toMatchObject(refused)
    for (const answer of answers) expect(answer.status).toBe(422)
    expect(JSON.stringify(answers.map(({ body, headers }) => [body, headers]))).not.toContain('api03')
    expect(registry.said()).not.toContain('api03')
    expect(JSON.stringify(recorded())).not.toContain('api03')
  })

  test('is taken with a reason, and both are on record', async () => {
    const why = { 'X-Allow-Secrets': 'true', 'X-Reason': 'of%20the%20sandbox' }
    const made = await send('POST', '/assistants', WITH, why)
    expect(made).toMatchObject({ status: 200, body: { context: WITH.context } })
    const over = await bus.ask('create', WITH, why)
    for (const id of [made.body.assistant_id, over.assistant_id])
      expect(recorded(id)).toMatchObject([
        { data: { secrets: ['/context/keys/0/anthropic'] }, metadata: { reason: 'of the sandbox' } },
      ])
    expect(registry.said()).not.toContain('api03')
    const { body } = await send('GET', `/assistants/${made.body.assistant_id}/history`)
    expect(body.entries).toMatchObject([{ secrets: ['/context/keys/0/anthropic'], reason: 'of the sandbox' }])
    expect(JSON.stringify(body)).not.toContain('api03')
  })
})

test('a schema that takes for ever holds up the one command that waits for it, and nothing else', async () => {
  const graph_id = 'editor'
  await register(graph_id, descriptorOf({ context_schema: { properties: { a: { pattern: '^(a+)+$' } } } }))
  let answered = false
  const slow = bus.ask('create', { graph_id, context: { a: `${'a'.repeat(60)}!` } }).finally(() => {
    answered = true
  })
  for (let i = 0; i < 20; i++) expect((await send('GET', '/ok')).status).toBe(200)
  expect(await send('POST', '/assistants/search', {})).toMatchObject({ status: 200 })
  expect(answered).toBe(false)
  expect(await slow).toMatchObject({
    violations: [{ pointer: '/context', message: expect.stringMatching(/in time/) }],
  })
  expect(registry.said()).toMatch(/nothing is checked against the context_schema of graph editor/)
})

test('where all is enforced, the service starts all the same, and its own assistants are there', async () => {
  await bus.ask('delete', { assistant_id: SYSTEM })
  await register('writer', descriptorOf({ context_schema: { required: ['temperature'] } }))
  for (const runner of runners) runner.close()
  await registry.stop()
  await start({ CONTEXT_VALIDATION: 'enforce', PROTECTED_ENVIRONMENTS: 'live,staging' })
  expect(await send('GET', `/assistants/${SYSTEM}`)).toMatchObject({ status: 200, body: { version: 1 } })
  const strict = { status: 422, body: { code: 'invalid-config', field: '/context' } }
  expect(await send('POST', '/assistants', { graph_id: 'writer', ...FITS })).toMatchObject(strict)
  expect(await bus.send('create', { graph_id: 'writer', ...FITS })).toMatchObject(strict)
  expect(await bus.send('create', { graph_id: 'writer', context: { temperature: 1 } })).toMatchObject({
    status: 200,
  })
})
