// What an authorizer is asked by each route, and what becomes of its answers; and what happens when more is asked than can
// be under way. The parts are a registry's own, in this process, with an authorizer of the test's.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as rawRequest } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { assistantStream, type JsonObject, timestamp } from '@assistant-ledger/assistant'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import {
  type Action,
  type Authorized,
  type Authorizer,
  HttpRefusal,
  type Identity,
} from '../../apps/registry/src/auth/authorizer.js'
import { Changes } from '../../apps/registry/src/changes/changes.js'
import { LedgerService } from '../../apps/registry/src/checkpoints/service.js'
import { Commands } from '../../apps/registry/src/commands/commands.js'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { FleetService } from '../../apps/registry/src/fleet/answer.js'
import { Feed } from '../../apps/registry/src/fleet/feed.js'
import { Receipts } from '../../apps/registry/src/fleet/receipts.js'
import { FleetLog, fleetId } from '../../apps/registry/src/fleet/record.js'
import { Watch } from '../../apps/registry/src/fleet/watch.js'
import { GraphDescriptors } from '../../apps/registry/src/graphs/descriptors.js'
import { Registrations } from '../../apps/registry/src/graphs/registrations.js'
import { Api } from '../../apps/registry/src/http/api.js'
import { type Http, startHttp } from '../../apps/registry/src/http/application.js'
import { HTTP_LIMITS } from '../../apps/registry/src/http/limits.js'
import { Project } from '../../apps/registry/src/project.js'
import { ImpactService } from '../../apps/registry/src/queries/impact.js'
import { aborted } from '../../apps/registry/src/signals.js'
import { Streams } from '../../apps/registry/src/streams.js'
import { freePort } from '../observability/scrape.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { openEvents } from '../support/event-source.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { type Answer, send as sendTo } from './service.js'

const TIMEOUT_MS = 60_000
jest.setTimeout(TIMEOUT_MS)
const ENVIRONMENTS = ['live', 'staging']

/** Lets in whoever has a token, as that; stamps what is written, narrows what is searched, and can be told to refuse. */
class Owners implements Authorizer {
  readonly requests: { method: string; path: string; body: string; header: string | null }[] = []
  readonly asked: [Action, JsonObject][] = []
  forbids: Action | undefined
  /** Nobody is let in before this. */
  open: Promise<unknown> = Promise.resolve()

  async authenticate(request: Request): Promise<Identity> {
    const { pathname, search } = new URL(request.url)
    this.requests.push({
      method: request.method,
      path: pathname + search,
      body: await request.text(),
      header: request.headers.get('x-tenant'),
    })
    await this.open
    const id = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
    if (!id) throw new HttpRefusal(401, 'Who are you?', { 'WWW-Authenticate': 'Bearer' })
    return { actor: { id, verified: true, via: 'http' }, permissions: id === 'root' ? ['admin'] : [] }
  }

  async authorize({ actor }: Identity, action: Action, value: JsonObject): Promise<Authorized> {
    this.asked.push([action, value])
    if (action === this.forbids) throw new HttpRefusal(403, 'Forbidden')
    const stamps = action === 'create' || action === 'update' || action === 'search'
    const metadata = { ...(value.metadata as JsonObject | undefined), owner: actor.id }
    return { value: stamps ? { ...value, metadata } : value, filter: undefined }
  }
}

/** Work that takes as long as it may. */
async function* untilStopped(_choices: object, signal: AbortSignal) {
  yield { began: true }
  await aborted(signal)
  yield { ended: true }
}

let nats: NatsServer
let connection: NatsConnection
let parts: Parts
let http: Http
let api: Api
let url: string
let owners: Owners
let changes: Changes
let watch: Watch

beforeAll(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url })
  parts = await openParts()
  parts.project()
}, TIMEOUT_MS)
afterAll(async () => {
  await parts?.close()
  await connection?.close()
  await nats?.stop()
}, TIMEOUT_MS)

beforeEach(async () => {
  owners = new Owners()
  api = new Api(owners)
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const http_ = await startHttp({ host: '127.0.0.1', port, portAsked: true }, api)
  await http?.close()
  http = http_
  const { log, model, queries, past } = parts
  const project = new Project(PROJECT, new Set(ENVIRONMENTS), new Set(['writer']))
  const streams = new Streams(log, model, PROJECT, () => {})
  const service = new CommandService(log, model, streams, project)
  const feed = new Feed({
    connection,
    project: PROJECT,
    environments: ENVIRONMENTS,
    model,
    tells: () => false,
  })
  watch = new Watch({ project: PROJECT, log, model, feed })
  changes = new Changes(past.past)
  const fleet = new FleetService(model, { present: [] }, { environments: new Set(ENVIRONMENTS) })
  api.open({
    project,
    commands: new Commands(service, new Receipts(model, watch), project),
    queries,
    past,
    changes,
    impact: new ImpactService(past, service, fleet),
    fleet,
    ledger: new LedgerService(log, PROJECT, undefined),
    admin: { replayFeed: untilStopped } as never,
    descriptors: new GraphDescriptors(model.descriptors, { descriptorsOf: () => new Set() }),
    registrations: new Registrations(log, model, project),
  })
})
afterAll(() => http?.close())

const ann = { authorization: 'Bearer ann', 'x-tenant': 'press' }
const send = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = ann,
): Promise<Answer> => sendTo(url + path, method, body, headers)

test('each route asks for what LangGraph calls it, with the value that handlers know', async () => {
  const assistant_id = randomUUID()
  const content = {
    graph_id: 'writer',
    name: 'n',
    description: 'd',
    config: { tags: ['t'] },
    metadata: { a: 1 },
  }
  const path = `/assistants/${assistant_id}`
  const routes: [string, string, unknown, Action, JsonObject][] = [
    [
      'POST',
      '/assistants',
      { ...content, assistant_id },
      'create',
      { ...content, assistant_id, if_exists: 'raise' },
    ],
    ['GET', path, undefined, 'read', { assistant_id }],
    ['PATCH', path, content, 'update', { ...content, assistant_id }],
    ['PATCH', `${path}?promote=false`, {}, 'update', { assistant_id, promote: false }],
    ['PATCH', `${path}?promote_to=staging`, {}, 'update', { assistant_id, promote_to: 'staging' }],
    ['POST', `${path}/latest`, { version: 1 }, 'update', { assistant_id, version: 1, environment: 'live' }],
    ['POST', `${path}/latest?from=staging`, {}, 'update', { assistant_id, environment: 'live' }],
    ['POST', `${path}/rollback`, { environment: 'live' }, 'update', { assistant_id, environment: 'live' }],
    ['POST', `${path}/versions`, { metadata: { a: 1 } }, 'read', { assistant_id, metadata: { a: 1 } }],
    ['GET', `${path}/versions/1`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/environments`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/receipts`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/graph`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/schemas`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/subgraphs`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/subgraphs/one`, undefined, 'read', { assistant_id }],
    [
      'POST',
      '/assistants/search',
      { graph_id: 'writer' },
      'search',
      { graph_id: 'writer', limit: 10, offset: 0 },
    ],
    [
      'POST',
      '/assistants/count',
      { metadata: { a: 1 } },
      'search',
      { metadata: { a: 1 }, limit: 0, offset: 0 },
    ],
    ['GET', `${path}?at=2026-01-01T00:00:00Z`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/history`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/diff?from=1`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/blame`, undefined, 'read', { assistant_id }],
    ['GET', `${path}/impact?version=1`, undefined, 'read', { assistant_id }],
    ['POST', `${path}/impact`, { name: 'other' }, 'read', { assistant_id }],
    [
      'GET',
      '/assistants/history?limit=3&graph_id=writer',
      undefined,
      'search',
      { graph_id: 'writer', limit: 3, offset: 0 },
    ],
    ['GET', '/fleet?limit=3', undefined, 'search', { limit: 3, offset: 0 }],
    ['DELETE', path, undefined, 'delete', { assistant_id }],
  ]
  for (const [method, at, body, action, value] of routes) {
    const { status } = await send(method, at, body)
    expect([method, at, status < 500, owners.asked.pop()]).toEqual([method, at, true, [action, value]])
    // The same, to somebody who may not.
    owners.forbids = action
    expect([at, await send(method, at, body)]).toMatchObject([
      at,
      { status: 403, body: { detail: 'Forbidden' } },
    ])
    owners.forbids = undefined
  }
  // Health, the description and what is not here are for everybody.
  const before = owners.requests.length
  for (const at of ['/ok', '/info', '/openapi.json', '/docs/', '/health/live', '/metrics', '/threads'])
    expect([at, (await fetch(url + at)).status]).toEqual([at, at === '/threads' ? 404 : 200])
  expect(owners.requests).toHaveLength(before)
})

test('who asks is asked of the request itself, and is who acted', async () => {
  const made = await send('POST', '/assistants?x=1', '{"graph_id":"writer"}', {
    ...ann,
    'x-actor': 'somebody',
  })
  expect(owners.requests).toEqual([
    { method: 'POST', path: '/assistants?x=1', body: '{"graph_id":"writer"}', header: 'press' },
  ])
  const stream = assistantStream(PROJECT, made.body.assistant_id)
  const actors = []
  for await (const { metadata } of parts.log.readStream(stream, { from: 0n }))
    actors.push((metadata as { actor: unknown }).actor)
  expect(actors).toEqual([{ id: 'ann', verified: true, via: 'http' }])
  const nobody = await send('GET', `/assistants/${made.body.assistant_id}`, undefined, {})
  expect(nobody).toMatchObject({ status: 401, body: { detail: 'Who are you?' } })
  expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
  // Whether a request can be read is nobody's business but the asker's.
  expect((await send('POST', '/assistants', '{', {})).status).toBe(401)
  for (const [path, host, status] of [
    ['http://[/assistants/x', 'x', 400],
    ['http://elsewhere/assistants/x', 'x', 401],
    ['/assistants/x', '[', 401],
    ['http://a:b@elsewhere/assistants/x', 'x', 401],
    ['/assistants/x', 'a:b@x', 401],
  ] as const)
    expect([path, host, await statusOf(path, host)]).toEqual([path, host, status])
})

test('what handlers stamp is what is recorded, and a search is narrowed', async () => {
  const made = await send('POST', '/assistants', { graph_id: 'writer', metadata: { a: 1 } })
  expect(made.body.metadata).toEqual({ a: 1, owner: 'ann' })
  const bob = { authorization: 'Bearer bob' }
  const path = `/assistants/${made.body.assistant_id}`
  expect((await send('PATCH', path, { name: 'x' }, bob)).body.metadata).toEqual({ a: 1, owner: 'bob' })
  const mine = await send('POST', '/assistants/search', { metadata: { a: 1 } }, bob)
  expect(mine.body.map((one: { assistant_id: string }) => one.assistant_id)).toEqual([made.body.assistant_id])
  expect((await send('POST', '/assistants/count', {}, { authorization: 'Bearer cy' })).body).toBe(0)
  // A retry is the same command, whatever is stamped on it.
  const key = { ...bob, 'idempotency-key': randomUUID() }
  const first = await send('PATCH', path, { name: 'y' }, key)
  expect((await send('PATCH', path, { name: 'y' }, key)).body).toEqual(first.body)
})

test('the past and its changes are narrowed as a search is, and let go of who reads them no more', async () => {
  const as = (owner: string) => ({ authorization: `Bearer ${owner}` })
  const watched = await openEvents(`${url}/assistants/changes?graph_id=writer`, as('dee'))
  await watched.begun()
  expect(owners.asked.pop()).toEqual(['search', { graph_id: 'writer', limit: 0, offset: 0 }])
  const { body } = await send('POST', '/assistants', { graph_id: 'writer' }, as('eli'))
  const { body: hers } = await send('POST', '/assistants', { graph_id: 'writer' }, as('dee'))
  expect(await watched.next()).toMatchObject({ event: 'change', data: { assistant_id: hers.assistant_id } })
  expect(changes.watching).toBe(1)
  watched.close()
  while (changes.watching > 0) await new Promise(setImmediate)
  const of = async (owner: string) =>
    (await send('GET', '/assistants/history?limit=1000', undefined, as(owner))).body.entries.map(
      (one: { assistant_id: string }) => one.assistant_id,
    )
  expect(await of('dee')).toEqual([hers.assistant_id])
  expect(await of('eli')).toEqual([body.assistant_id])
  owners.forbids = 'search'
  expect(await send('GET', '/assistants/changes', undefined, as('dee'))).toMatchObject({ status: 403 })
})

test(
  'what is more than can be under way is turned away at once, and the rest is answered',
  async () => {
    let letIn = () => {}
    owners.open = new Promise<void>((resolve) => {
      letIn = resolve
    })
    const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
    const statuses: number[] = []
    const all = HTTP_LIMITS.running + HTTP_LIMITS.queued + 1
    const one = () =>
      new Promise<void>((resolve, reject) => {
        const sent = rawRequest(`${url}/assistants/${randomUUID()}`, { agent }, (answer) => {
          statuses.push(answer.statusCode ?? 0)
          answer.resume()
          answer.on('end', resolve)
          if (statuses.length === 1) {
            expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '1'])
            letIn()
          }
        })
        sent.on('error', reject)
        sent.end()
      })
    await Promise.all(Array.from({ length: all }, one))
    agent.destroy()
    expect(statuses.filter((status) => status === 429)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(all - 1)
  },
  TIMEOUT_MS,
)

test('a stop answers what is under way, and takes nothing new', async () => {
  const { body: made } = await send('POST', '/assistants', { graph_id: 'writer' })
  const path = `/assistants/${made.assistant_id}`
  let letIn = () => {}
  owners.open = new Promise<void>((resolve) => {
    letIn = resolve
  })
  const before = owners.requests.length
  const underWay = send('GET', path)
  while (owners.requests.length === before) await new Promise(setImmediate)
  let isClosed = false
  const closed = api.close().then(() => {
    isClosed = true
  })
  const refused = await send('GET', path)
  expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  expect(isClosed).toBe(false)
  letIn()
  const answered = await underWay
  expect(answered.status).toBe(200)
  // Nobody sends another request on a connection that is about to be cut.
  for (const { headers } of [refused, answered]) expect(headers.get('connection')).toBe('close')
  await closed
})

test('and one who waits for a receipt is answered, with what is known by then', async () => {
  const { body: made } = await send('POST', '/assistants', { graph_id: 'writer' })
  const path = `/assistants/${made.assistant_id}`
  // A runner that never says a word, so that there is something to wait for.
  const stay = { runner: 'eu', instance: randomUUID(), environment: 'live', graphs: ['writer'] }
  const joined = {
    type: 'RunnersJoined',
    data: { runners: [{ ...stay, at: timestamp(Date.now()) }] },
  } as const
  await new FleetLog(parts.log, PROJECT).append(fleetId(PROJECT), joined)
  const held = send('PATCH', `${path}?wait=converged&wait_ms=30000`, { name: 'x' })
  while (watch.waiting === 0) await new Promise(setImmediate)
  let isClosed = false
  const closed = api.close().then(() => {
    isClosed = true
  })
  expect(await send('GET', path)).toMatchObject({ status: 503 })
  expect(isClosed).toBe(false)
  watch.close()
  await closed
  // Answered by the time that it is closed: connections are cut next.
  await http.close()
  expect(await held).toMatchObject({
    status: 200,
    body: { version: 2, receipt: { converged: false, of: 1 } },
  })
})

test(
  'and a large answer is sent to its end',
  async () => {
    const mark = randomUUID()
    // More than the two ends of a connection hold between them.
    const content = { graph_id: 'writer', config: { text: 'x'.repeat(500_000) }, metadata: { mark } }
    for (let n = 0; n < 16; n++) expect((await send('POST', '/assistants', content)).status).toBe(200)
    const asked = JSON.stringify({ metadata: { mark }, limit: 16 })
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    socket.write(
      `POST /assistants/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nContent-Length: ${asked.length}\r\n\r\n${asked}`,
    )
    const [head] = (await once(socket, 'data')) as [Buffer]
    socket.pause()
    const length = Number(/content-length: (\d+)/i.exec(head.toString('latin1'))?.[1])
    let got = head.length - head.indexOf('\r\n\r\n') - 4
    const closed = api.close().then(() => http.close())
    socket.on('data', ({ length }) => {
      got += length
    })
    socket.resume()
    await Promise.all([once(socket, 'close'), closed])
    expect(length).toBeGreaterThan(8_000_000)
    expect(got).toBe(length)
  },
  TIMEOUT_MS,
)

test('and ends a task that would go on, whose lines are read to the end', async () => {
  const asked = { method: 'POST', headers: { authorization: 'Bearer root' } }
  const answer = await fetch(`${url}/admin/replay/feed`, asked)
  const lines = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  expect(await lines?.read()).toMatchObject({ value: '{"began":true}\n' })
  await api.close()
  expect(await lines?.read()).toMatchObject({ value: '{"ended":true}\n' })
  expect(await lines?.read()).toMatchObject({ done: true })
})

/** The status of a request whose line and host are what no client library would send. */
function statusOf(path: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = rawRequest(url, { path, headers: { host } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode))
    })
    sent.on('error', reject)
    sent.end()
  })
}
