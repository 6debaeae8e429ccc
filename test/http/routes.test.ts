// What the official clients do not show: bytes, headers and statuses, what goes beyond the API, and what is refused before
// a route is reached.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { assistantStream } from '@assistant-ledger/assistant'
import { followAssistants } from '@assistant-ledger/client'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { CreateRequest, PromoteRequest, RollbackRequest } from '../../apps/registry/src/commands/requests.js'
import { fieldsOf } from '../../apps/registry/src/envelope.js'
import { HTTP_LIMITS } from '../../apps/registry/src/http/limits.js'
import { REQUESTS } from '../../apps/registry/src/http/schemas.js'
import { ImpactRequest } from '../../apps/registry/src/queries/past-requests.js'
import { CountRequest, SearchRequest, VersionsRequest } from '../../apps/registry/src/queries/requests.js'
import { readFeed } from '../faults/records.js'
import { until } from '../faults/until.js'
import { freePort } from '../observability/scrape.js'
import { launchRegistry, READY_DEADLINE_MS } from '../support/registry.js'
import { type Answer, type HttpService, send as sendTo, startHttpService } from './service.js'

const CREATES = 30
const DEADLINE_MS = 10_000

let http: HttpService
let send: HttpService['send']

beforeAll(async () => {
  http = await startHttpService()
  send = http.send
}, 90_000)
afterAll(() => http?.stop(), 30_000)

async function create(more: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
  const made = await send('POST', '/assistants', { graph_id: 'writer', ...more }, headers)
  expect(made.status).toBe(200)
  return made
}
const created = async (more: object = {}): Promise<string> => (await create(more)).body.assistant_id

describe('bodies', () => {
  test.each(['application/json', 'text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'x/y'])(
    'are JSON, also as %s',
    async (type) => {
      const made = await send('POST', '/assistants', '{"graph_id":"writer"}', { 'content-type': type })
      expect(made).toMatchObject({ status: 200, body: { graph_id: 'writer' } })
    },
  )

  test.each([
    ['{', 'Invalid JSON in request body'],
    [Uint8Array.of(0x22, 0xff, 0x22), 'Invalid JSON in request body'],
    ['null', 'The body must be a JSON object, not null'],
    ['[]', 'The body must be a JSON object, not an array'],
    ['7', 'The body must be a JSON object, not a number'],
    ['', 'graph_id is required'],
  ])('%j is refused: %s', async (body, detail) => {
    expect(await send('POST', '/assistants', body)).toMatchObject({ status: 422, body: { detail } })
  })

  test('that are absent ask for everything', async () => {
    const id = await created()
    expect(await send('POST', '/assistants/search')).toMatchObject({ status: 200 })
    expect(await send('POST', '/assistants/count')).toMatchObject({ status: 200 })
    expect(await send('POST', `/assistants/${id}/versions`)).toMatchObject({ status: 200 })
  })

  test('keep keys such as __proto__, and what is not known is ignored', async () => {
    const context = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}},"toString":3}'
    const body = `{"graph_id":"writer","context":${context},"__proto__":{"name":"x"},"promote":false,"colour":1}`
    const { body: made } = await send('POST', '/assistants', body)
    expect(JSON.stringify(made.context)).toBe(context)
    expect(made).toMatchObject({ name: 'Untitled', version: 1 })
    const patched = await send(
      'PATCH',
      `/assistants/${made.assistant_id}`,
      '{"promote":false,"assistant_id":7}',
    )
    expect(patched.body).toMatchObject({ version: 2, assistant_id: made.assistant_id })
    expect((await send('GET', `/assistants/${made.assistant_id}`)).body.version).toBe(2)
  })

  test('null is absent', async () => {
    const id = await created({ name: 'kept', description: 'kept', context: { a: 1 } })
    const nulls = {
      name: null,
      description: null,
      config: null,
      context: null,
      metadata: null,
      graph_id: null,
    }
    expect((await send('PATCH', `/assistants/${id}`, nulls)).body).toMatchObject({
      name: 'kept',
      description: 'kept',
      context: { a: 1 },
    })
  })

  test('that are too large are refused, before and after they are read', async () => {
    const over = await send('POST', '/assistants', 'x'.repeat(HTTP_LIMITS.bodyBytes + 1))
    expect(over).toMatchObject({ status: 413, body: { detail: expect.any(String), code: 'too-large' } })
    const content = await send('POST', '/assistants', {
      graph_id: 'writer',
      metadata: { text: 'x'.repeat(600 * 1024) },
    })
    expect(content).toMatchObject({ status: 422, body: { code: 'invalid-config' } })
    // Escaped it is six times as large, and the same content.
    const escaped = `{"graph_id":"writer","metadata":{"text":"${'\\u0061'.repeat(400 * 1024)}"}}`
    const made = await send('POST', '/assistants', escaped)
    expect([made.status, made.body.metadata.text.length]).toEqual([200, 400 * 1024])
  })
})

describe('answers', () => {
  test('name the request: as the client did, or with an id of ours', async () => {
    for (const path of ['/ok', '/assistants/x', '/nowhere', '/threads', '/assistants/%zz']) {
      expect(
        (await send('GET', path, undefined, { 'x-request-id': 'r-1' })).headers.get('x-request-id'),
      ).toBe('r-1')
      for (const id of ['', 'r'.repeat(129), 'a b', 'é']) {
        const bad = await send('GET', path, undefined, { 'x-request-id': id })
        expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      }
    }
  })

  test('may be read by web pages of other origins, with their headers', async () => {
    const preflight = await send('OPTIONS', '/assistants/search', undefined, {
      origin: 'https://studio.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key,content-type',
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('x-api-key,content-type')
    expect((await send('OPTIONS', '/assistants/search')).status).toBe(204)
    const found = await send('POST', '/assistants/search', {}, { origin: 'https://studio.example' })
    expect(found.headers.get('access-control-allow-origin')).toBe('*')
    const exposed = found.headers.get('access-control-expose-headers')?.toLowerCase().split(', ')
    for (const name of ['x-pagination-total', 'x-pagination-next', 'content-location', 'etag'])
      expect(exposed).toContain(name)
  })

  test('are the same with a slash at the end', async () => {
    expect(await send('POST', '/assistants/count/', {})).toMatchObject({ status: 200 })
  })

  test('to a search have the true total, and where the rest begins as long as there is one', async () => {
    const mark = randomUUID()
    for (const _ of [1, 2, 3]) await create({ metadata: { mark } })
    const page = async (limit: number, offset: number) => {
      const { headers, body } = await send('POST', '/assistants/search', {
        metadata: { mark },
        limit,
        offset,
      })
      return [body.length, headers.get('x-pagination-total'), headers.get('x-pagination-next')]
    }
    expect(await page(2, 0)).toEqual([2, '3', '2'])
    expect(await page(3, 0)).toEqual([3, '3', null])
    expect(await page(2, 2)).toEqual([1, '3', null])
    expect(await page(2, 9)).toEqual([0, '3', null])
  })

  test('to a delete have no body', async () => {
    const id = await created()
    expect(await send('DELETE', `/assistants/${id}?delete_threads=maybe`)).toMatchObject({
      status: 422,
      body: { field: 'delete_threads' },
    })
    const deleted = await send('DELETE', `/assistants/${id}`)
    expect([deleted.status, deleted.body]).toEqual([204, undefined])
  })

  test('what a delete says of threads is on the feed, and nothing where it says nothing', async () => {
    const [asked, told, not] = [await created(), await created(), await created()]
    await send('DELETE', `/assistants/${asked}?delete_threads=true`)
    await http.service.bus.ask('delete', { assistant_id: told, delete_threads: true })
    await send('DELETE', `/assistants/${not}?delete_threads=false`)
    const { answer: deletions } = await until(
      'the deletions on the feed',
      DEADLINE_MS,
      async () => (await readFeed(http.service.connection)).filter(({ type }) => type === 'AssistantDeleted'),
      (all) => all.some(({ assistantId }) => assistantId === not),
    )
    const said = new Map(deletions.map(({ assistantId, data }) => [assistantId, data]))
    expect(said.get(asked)).toEqual({ delete_threads: true, salt: expect.any(String) })
    expect(said.get(told)).toEqual({ delete_threads: true, salt: expect.any(String) })
    expect(said.get(not)).toEqual({ salt: expect.any(String) })
    expect(await http.service.bus.send('delete', { assistant_id: not, delete_threads: 1 })).toMatchObject({
      status: 422,
      body: { field: 'delete_threads' },
    })
  })

  test('of the service itself', async () => {
    expect(await send('GET', '/ok')).toMatchObject({ status: 200, body: { ok: true } })
    const { body } = await send('GET', '/info')
    expect(body).toMatchObject({ version: expect.any(String), flags: { assistants: true, runs: false } })
  })
})

describe('what is not here', () => {
  test.each([
    '/threads',
    '/threads/x/runs/crons',
    '/runs/wait',
    '/runs/crons/search',
    '/store/items',
    '/mcp',
    '/a2a/x',
  ])('%s belongs to whoever runs graphs', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])
      expect(await send(method, path, method === 'GET' ? undefined : '{')).toMatchObject({
        status: 404,
        body: { service: 'assistant-ledger', detail: expect.stringContaining('client.threads') },
      })
  })

  test('a list, and any other route, is 404 in JSON', async () => {
    expect(await send('GET', '/assistants')).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('/assistants/search') },
    })
    expect(await send('PUT', `/assistants/${randomUUID()}`, {})).toMatchObject({ status: 404 })
    expect(await send('GET', '/nowhere')).toMatchObject({ status: 404, body: { detail: expect.any(String) } })
    expect(await send('GET', '/assistants/%zz')).toMatchObject({
      status: 400,
      body: { detail: expect.any(String) },
    })
  })
})

describe('headers of commands', () => {
  test('If-Match makes a command conditional on the ETag', async () => {
    const made = await create()
    const path = `/assistants/${made.body.assistant_id}`
    const etag = made.headers.get('etag') as string
    expect(etag).toBe('"0"')
    const patched = await send('PATCH', path, {}, { 'if-match': etag })
    expect([patched.status, patched.headers.get('etag')]).toEqual([200, '"2"'])
    for (const [method, at, body] of [
      ['PATCH', path, {}],
      ['POST', `${path}/latest`, { version: 1 }],
      ['POST', `${path}/rollback`, {}],
      ['DELETE', path, undefined],
    ] as const) {
      const stale = await send(method, at, body, { 'if-match': etag })
      expect(stale).toMatchObject({ status: 412, body: { code: 'revision-mismatch', revision: 2 } })
      expect(stale.headers.get('etag')).toBe('"2"')
    }
    expect((await send('GET', path)).headers.get('etag')).toBe('"2"')
    expect((await send('PATCH', path, {}, { 'if-match': 'W/"2"' })).status).toBe(200)
    expect((await send('PATCH', path, {}, { 'if-match': '*' })).status).toBe(200)
    expect((await send('PATCH', path, {}, { 'if-match': 'soon' })).status).toBe(422)
  })

  test('Idempotency-Key makes it take effect once, and holds it to what it was', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const first = await create({ name: 'once' }, key)
    expect((await create({ name: 'once' }, key)).body).toEqual(first.body)
    const path = `/assistants/${first.body.assistant_id}`
    const patched = await send('PATCH', `${path}?promote=false`, { name: 'two' }, key)
    expect((await send('PATCH', `${path}?promote=false`, { name: 'two' }, key)).body).toEqual(patched.body)
    // What stands in the query is part of the command.
    const other = await send('PATCH', path, { name: 'two' }, key)
    expect(other).toMatchObject({ status: 409, body: { code: 'key-reused' } })
    const { body: versions } = await send('POST', `${path}/versions`)
    expect(versions).toHaveLength(2)
    const gone = await send('DELETE', path, undefined, key)
    expect([gone.status, (await send('DELETE', path, undefined, key)).status]).toEqual([409, 409])
    const again = { 'idempotency-key': randomUUID() }
    expect((await send('DELETE', path, undefined, again)).status).toBe(204)
    expect((await send('DELETE', path, undefined, again)).status).toBe(204)
  })

  test('X-Reason and X-Actor are recorded, the actor as one that is only claimed', async () => {
    const made = await create({}, { 'x-reason': encodeURIComponent('wegen Übelkeit'), 'x-actor': 'ann' })
    const id = made.body.assistant_id as string
    expect(recordedOf(http, id)).toMatchObject({
      reason: 'wegen Übelkeit',
      actor: { id: 'ann', verified: false, via: 'http' },
    })
    expect(await send('POST', '/assistants', { graph_id: 'writer' }, { 'x-reason': '%' })).toMatchObject({
      status: 422,
      body: { field: 'x-reason' },
    })
    expect(await send('POST', '/assistants', { graph_id: 'writer' }, { 'x-actor': 'system' })).toMatchObject({
      status: 422,
    })
  })
})

describe('Ledger-Min-Position', () => {
  test('is asked for by every answer of the read model', async () => {
    const path = `/assistants/${await created()}`
    for (const [method, at] of [
      ['POST', '/assistants/search'],
      ['POST', '/assistants/count'],
      ['GET', path],
      ['POST', `${path}/versions`],
      ['GET', `${path}/versions/1`],
      ['GET', `${path}/receipts`],
      ['GET', `${path}/graph`],
      ['GET', `${path}/schemas`],
      ['GET', `${path}/subgraphs`],
      ['GET', '/fleet'],
    ] as const) {
      const asked = (position: string) => send(method, at, undefined, { 'ledger-min-position': position })
      for (const position of ['soon', '-1', '9'.repeat(20), '9'.repeat(21)])
        expect([at, position, await asked(position)]).toMatchObject([at, position, { status: 422 }])
      expect([at, (await asked('1')).status]).not.toEqual([at, 422])
    }
  })
})

describe('environments', () => {
  test('a version may be in none, in another, and is promoted and taken back', async () => {
    const id = await created({ name: 'one' })
    const path = `/assistants/${id}`
    const at = async (environment: string) => {
      const { status, body } = await send('GET', `${path}?environment=${environment}`)
      return status === 200 ? body.version : status
    }
    expect((await send('PATCH', `${path}?promote=false`, { name: 'two' })).body.version).toBe(2)
    expect([await at('live'), await at('staging')]).toEqual([1, 404])
    expect((await send('PATCH', `${path}?promote_to=staging`, { name: 'three' })).body.version).toBe(3)
    expect([await at('live'), await at('staging')]).toEqual([1, 3])
    const promoted = await send('POST', `${path}/latest`, { from: 'staging' })
    expect(promoted.body).toMatchObject({ version: 3, name: 'three' })
    expect((await send('POST', `${path}/latest`, { version: 2, environment: 'staging' })).body.version).toBe(
      2,
    )
    const { body: all, headers } = await send('GET', `${path}/environments`)
    expect(all).toMatchObject([
      { environment: 'live', version: 3 },
      { environment: 'staging', version: 2 },
    ])
    expect(headers.get('etag')).toMatch(/^"\d+"$/)
    expect((await send('POST', `${path}/rollback`)).body.version).toBe(1)
    expect((await send('POST', `${path}/rollback`, { environment: 'staging' })).body.version).toBe(3)
    expect(await send('POST', `${path}/rollback`)).toMatchObject({
      status: 409,
      body: { code: 'nothing-before' },
    })
    expect(await send('POST', `${path}/latest`, { version: 2, replaces: 9 })).toMatchObject({
      status: 409,
      body: { code: 'moved' },
    })
    // The published OpenAPI has the version in the query; the clients' body goes before it.
    expect((await send('POST', `${path}/latest?version=2`)).body.version).toBe(2)
    expect((await send('POST', `${path}/latest?version=2`, { version: 3 })).body.version).toBe(3)
  })

  test('that are not declared, and options that contradict each other, are refused', async () => {
    const path = `/assistants/${await created()}`
    for (const [method, at, body, status, field] of [
      ['GET', '?environment=prod', undefined, 404, 'environment'],
      ['PATCH', '?promote_to=prod', {}, 404, 'promote_to'],
      ['PATCH', '?promote=perhaps', {}, 422, 'promote'],
      ['PATCH', '?promote=false&promote=true', {}, 422, 'promote'],
      ['PATCH', '?promote=false&promote_to=staging', {}, 422, 'promote_to'],
      ['PATCH', '?wait=converged&wait_ms=soon', {}, 422, 'wait_ms'],
      ['POST', '/latest', { from: 'prod' }, 404, 'from'],
      ['POST', '/latest', {}, 422, 'version'],
      ['POST', '/latest', { version: '1' }, 422, 'version'],
      ['POST', '/rollback', { environment: 'prod' }, 404, 'environment'],
    ] as const)
      expect([at, await send(method, path + at, body)]).toMatchObject([at, { status, body: { field } }])
  })

  test('one version, by its number and generation', async () => {
    const id = await created({ name: 'one' })
    const { body } = await send('GET', `/assistants/${id}/versions/1`)
    expect(body).toMatchObject({ version: 1, name: 'one', generation: 1, content_hash: expect.any(String) })
    await send('DELETE', `/assistants/${id}`)
    expect((await send('GET', `/assistants/${id}/versions/1`)).status).toBe(404)
    expect((await send('GET', `/assistants/${id}/versions/1?generation=1`)).body).toEqual(body)
    expect((await send('GET', `/assistants/${id}/versions/x`)).status).toBe(422)
    expect((await send('GET', `/assistants/${id}/versions/2?generation=1`)).body.code).toBe(
      'version-not-found',
    )
  })
})

describe('the fleet', () => {
  test('who is there, and the receipt that a command waits for', async () => {
    const runner = await followAssistants({
      servers: http.service.nats.url,
      environment: 'live',
      graphs: ['writer'],
      runner: { name: 'writer-http' },
    })
    try {
      await until(
        'a runner in the fleet',
        DEADLINE_MS,
        () => send('GET', '/fleet'),
        ({ body }) => body.length === 1,
      )
      const { body: made } = await create({ context: { model: 'a' } })
      const path = `/assistants/${made.assistant_id}`
      const { body: patched } = await send('PATCH', `${path}?wait=converged&wait_ms=20000`, {
        context: { model: 'b' },
      })
      expect(patched).toMatchObject({ version: 2, receipt: { converged: true, active: 1, of: 1 } })
      const { body: receipts } = await send('GET', `${path}/receipts`)
      expect(receipts).toMatchObject({ version: 2, converged: true, active: [{ runner: 'writer-http' }] })
      const { body: promotions } = await send('GET', `${path}/receipts?promotions=true`)
      expect(promotions).toMatchObject([{ version: 2, replaces: 1 }, { version: 1 }])
      const { assistant_id } = made
      expect(promotions).toEqual(await http.service.bus.ask('fleet', { assistant_id, promotions: true }))
      expect((await send('GET', `${path}/receipts?promotions=true&limit=1&offset=1`)).body).toEqual([
        promotions[1],
      ])
      expect(await send('GET', `${path}/receipts?promotions=true&at=2026-01-31T12:00:00Z`)).toMatchObject({
        status: 422,
        body: { field: 'at' },
      })
      expect((await send('GET', '/fleet')).body).toMatchObject([{ runner: 'writer-http' }])
      const { body: named } = await send('GET', '/fleet?runner=writer-http&gone=true')
      expect(JSON.stringify(named[0].assistants_on)).toContain(made.assistant_id)
      expect(await send('GET', '/fleet?limit=0')).toMatchObject({ status: 422, body: { field: 'limit' } })
    } finally {
      await runner.close()
    }
  })
})

describe('together', () => {
  test(`of ${CREATES} creates of one id one makes it, and the others are told so`, async () => {
    const assistant_id = randomUUID()
    const all = await Promise.all(
      Array.from({ length: CREATES }, (_, index) =>
        send('POST', '/assistants', { graph_id: 'writer', assistant_id, name: `n${index}` }),
      ),
    )
    const made = all.filter(({ status }) => status === 200)
    expect(made).toHaveLength(1)
    expect(all.filter(({ status }) => status === 409)).toHaveLength(CREATES - 1)
    expect((await send('GET', `/assistants/${assistant_id}`)).body).toEqual(made[0]?.body)
  })

  test(`of ${CREATES} creates that do nothing when it is there all get the same one`, async () => {
    const body = { graph_id: 'writer', assistant_id: randomUUID(), if_exists: 'do_nothing' }
    const all = await Promise.all(
      Array.from({ length: CREATES }, (_, index) =>
        send('POST', '/assistants', { ...body, name: `n${index}` }),
      ),
    )
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(all.map((one) => JSON.stringify(one.body))).size).toBe(1)
  })
})

describe('the OpenAPI document', () => {
  test('has the routes, and the fields that are read', async () => {
    const { body } = await send('GET', '/openapi.json')
    for (const path of ['', '/search', '/count', '/{assistant_id}', '/{assistant_id}/latest'])
      expect(body.paths).toHaveProperty([`/assistants${path}`])
    const read = {
      AssistantCreate: CreateRequest,
      AssistantSearchRequest: SearchRequest,
      AssistantCountRequest: CountRequest,
      VersionsSearchRequest: VersionsRequest,
      AssistantVersionChange: PromoteRequest,
      Rollback: RollbackRequest,
      AssistantImpact: ImpactRequest,
    }
    for (const [name, type] of Object.entries(read)) {
      const inPath = /^Assistant(Create|SearchRequest|CountRequest)$/.test(name) ? [] : ['assistant_id']
      expect([...Object.keys(REQUESTS[name]?.properties ?? {}), ...inPath].sort()).toEqual(
        [...fieldsOf(type as new () => object)].sort(),
      )
      expect(body.components.schemas[name]).toEqual(REQUESTS[name])
    }
    const refs = [...JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    )
    for (const name of refs) expect(body.components.schemas).toHaveProperty([name as string])
  })

  test('is shown on a page', async () => {
    const page = await fetch(`${http.url}/docs`)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Assistant Ledger')])
  })
})

test('a service that is starting says so, and what it waits for', async () => {
  const port = await freePort()
  const registry = await launchRegistry({
    natsUrl: `nats://127.0.0.1:${await freePort()}`,
    env: { PORT: String(port) },
  })
  const url = `http://127.0.0.1:${port}`
  try {
    const { answer } = await until(
      'an answer',
      READY_DEADLINE_MS,
      () => sendTo(`${url}/ok`, 'GET'),
      () => true,
    )
    expect(answer).toMatchObject({ status: 503, body: { ok: false } })
    const refused = await sendTo(`${url}/assistants/search`, 'POST', {})
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(refused.headers.get('retry-after')).toBe('1')
  } finally {
    await registry.stop()
  }
}, 90_000)

/** The metadata of an assistant's first event, as it stands in the log. */
function recordedOf({ service }: HttpService, assistantId: string): unknown {
  const log = new Database(join(service.registry.dataDir, 'log.db'), { readonly: true })
  try {
    const row = log
      .prepare(
        'SELECT metadata FROM events JOIN streams USING (stream_id) WHERE name = ? AND events.revision = 0',
      )
      .get(assistantStream('default', assistantId)) as { metadata: string }
    return JSON.parse(row.metadata)
  } finally {
    log.close()
  }
}
