// Each verb of the bus against a real registry: what it answers, what it refuses, what its headers say.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { LIMITS } from '../../apps/registry/src/limits.js'
import type { Assistant, BusClient } from '../support/bus.js'
import { type Service, startService } from '../support/service.js'

let service: Service
let bus: BusClient

beforeAll(async () => {
  service = await startService()
  bus = service.bus
}, 90_000)

afterAll(() => service?.stop(), 30_000)

const create = (more: object = {}) => bus.ask('create', { graph_id: 'writer', ...more })
const codeOf = (body: unknown) => (body as { code: string }).code

describe('create', () => {
  test('answers the whole assistant, with revision and position', async () => {
    const id = randomUUID()
    const { status, body, headers } = await bus.send('create', {
      graph_id: 'writer',
      assistant_id: id.toUpperCase(),
      name: 'Blog',
      context: { prompt: 'long' },
      metadata: { team: 'a' },
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      assistant_id: id,
      graph_id: 'writer',
      version: 1,
      name: 'Blog',
      description: null,
      config: { configurable: { prompt: 'long' } },
      context: { prompt: 'long' },
      metadata: { team: 'a' },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
      updated_at: (body as Assistant).created_at,
    })
    expect(headers['ledger-revision']).toBe('0')
    expect(BigInt(headers['ledger-position'] ?? '0')).toBeGreaterThan(0n)
    expect(headers['ledger-pending']).toBeUndefined()
  })

  test('takes null as absent', async () => {
    const made = await create({ name: null, description: null, config: null, assistant_id: null })
    expect(made).toMatchObject({ name: 'Untitled', description: null, config: {} })
  })

  test('refuses a taken id, or answers the stored one', async () => {
    const first = await create({ name: 'first' })
    const { assistant_id } = first
    const taken = await bus.send('create', { graph_id: 'writer', assistant_id })
    expect([taken.status, codeOf(taken.body)]).toEqual([409, 'already-exists'])
    expect(await create({ assistant_id, name: 'second', if_exists: 'do_nothing' })).toEqual(first)
  })

  test.each([
    ['an unknown graph', { graph_id: 'nowhere' }, 404, 'graph-not-found'],
    ['no graph', {}, 422, 'invalid-request'],
    ['an id that is no UUID', { graph_id: 'writer', assistant_id: 'x' }, 422, 'invalid-request'],
    ['an unknown field', { graph_id: 'writer', colour: 'red' }, 422, 'invalid-request'],
    ['a mistyped field', { graph_id: 'writer', config: [] }, 422, 'invalid-request'],
    ['an integer for a name', { graph_id: 'writer', name: 7 }, 422, 'invalid-request'],
    ['another if_exists', { graph_id: 'writer', if_exists: 'maybe' }, 422, 'invalid-request'],
    [
      'configurable and context',
      { graph_id: 'writer', config: { configurable: { a: 1 } }, context: { b: 1 } },
      400,
      'config-and-context',
    ],
    ['a huge content', { graph_id: 'writer', context: { text: 'x'.repeat(600_000) } }, 422, 'invalid-config'],
  ])('refuses %s', async (_, body, status, code) => {
    const reply = await bus.send('create', body)
    expect([reply.status, codeOf(reply.body)]).toEqual([status, code])
    expect(reply.headers['nats-service-error']).toContain(code)
  })
})

describe('update', () => {
  test('makes the next version and puts it live', async () => {
    const { assistant_id, created_at } = await create({ context: { prompt: 'a' }, metadata: { a: 1 } })
    const { body, headers } = await bus.send('update', {
      assistant_id,
      context: { prompt: 'b' },
      metadata: { b: 2 },
    })
    expect(body).toMatchObject({ version: 2, context: { prompt: 'b' }, metadata: { a: 1, b: 2 }, created_at })
    expect(headers['ledger-revision']).toBe('2')
    expect(await bus.ask('get', { assistant_id })).toEqual(body)
  })

  test('with promote: false leaves every environment where it is', async () => {
    const made = await create()
    const { assistant_id } = made
    const draft = await bus.ask('update', { assistant_id, name: 'draft', promote: false })
    expect(draft).toMatchObject({ version: 2, name: 'draft' })
    expect(await bus.ask('get', { assistant_id })).toEqual(made)
  })

  test('with promote_to goes to that environment alone', async () => {
    const made = await create()
    const { assistant_id } = made
    const staged = await bus.ask('update', { assistant_id, name: 'next', promote_to: 'staging' })
    expect(await bus.ask('get', { assistant_id, environment: 'staging' })).toEqual(staged)
    expect(await bus.ask('get', { assistant_id })).toEqual(made)
  })

  test('refuses what contradicts itself and what is not there', async () => {
    const { assistant_id } = await create()
    const both = await bus.send('update', { assistant_id, promote: false, promote_to: 'live' })
    expect(codeOf(both.body)).toBe('invalid-request')
    const nowhere = await bus.send('update', { assistant_id, promote_to: 'moon' })
    expect([nowhere.status, nowhere.body]).toEqual([
      404,
      expect.objectContaining({ code: 'unknown-environment', field: 'promote_to' }),
    ])
    const nobody = await bus.send('update', { assistant_id: randomUUID(), name: 'x' })
    expect([nobody.status, codeOf(nobody.body)]).toEqual([404, 'not-found'])
  })
})

describe('promote and rollback', () => {
  test('walk an environment forth and back', async () => {
    const { assistant_id } = await create({ name: 'one' })
    await bus.ask('update', { assistant_id, name: 'two' })
    await bus.ask('update', { assistant_id, name: 'three' })
    expect(await bus.ask('promote', { assistant_id, version: 1 })).toMatchObject({ version: 1, name: 'one' })
    expect(await bus.ask('rollback', { assistant_id })).toMatchObject({ version: 3 })
    expect(await bus.ask('rollback', { assistant_id })).toMatchObject({ version: 2 })
    expect(await bus.ask('rollback', { assistant_id })).toMatchObject({ version: 1 })
    const bottom = await bus.send('rollback', { assistant_id })
    expect([bottom.status, codeOf(bottom.body)]).toEqual([409, 'nothing-before'])
  })

  test('from another environment', async () => {
    const { assistant_id } = await create()
    await bus.ask('update', { assistant_id, name: 'next', promote_to: 'staging' })
    const live = await bus.ask('promote', { assistant_id, from: 'staging' })
    expect(live).toMatchObject({ version: 2, name: 'next' })
    expect(await bus.ask('get', { assistant_id })).toEqual(live)
  })

  test('a promotion to where it is already changes nothing', async () => {
    const made = await create()
    const { assistant_id } = made
    const again = await bus.send('promote', { assistant_id, version: 1 })
    expect(again.body).toEqual(made)
    expect(again.headers['ledger-revision']).toBe('0')
  })

  test('go further back than the read model keeps at hand', async () => {
    const { assistant_id } = await create()
    for (let version = 2; version <= 14; version++)
      await bus.ask('update', { assistant_id, name: `v${version}` })
    for (let version = 13; version >= 1; version--)
      expect(await bus.ask('rollback', { assistant_id })).toMatchObject({ version })
    expect(codeOf((await bus.send('rollback', { assistant_id })).body)).toBe('nothing-before')
  })

  test.each([
    ['neither version nor from', {}, 422, 'invalid-request'],
    ['both', { version: 1, from: 'live' }, 422, 'invalid-request'],
    ['a version that is not there', { version: 9 }, 404, 'version-not-found'],
    ['an environment without a version', { from: 'staging' }, 404, 'version-not-found'],
    ['an unknown environment', { version: 1, environment: 'moon' }, 404, 'unknown-environment'],
    ['another version than it replaces', { version: 1, replaces: 5 }, 409, 'moved'],
    ['version 0', { version: 0 }, 422, 'invalid-request'],
  ])('refuses %s', async (_, more, status, code) => {
    const { assistant_id } = await create()
    const reply = await bus.send('promote', { assistant_id, ...more })
    expect([reply.status, codeOf(reply.body)]).toEqual([status, code])
  })
})

test.each([
  [{ version: 1, environment: 'moon' }, 'environment'],
  [{ from: 'moon' }, 'from'],
])('a promotion with an unknown environment names its field: %j', async (more, field) => {
  const { assistant_id } = await create()
  const { body } = await bus.send('promote', { assistant_id, ...more })
  expect(body).toMatchObject({ code: 'unknown-environment', field })
})

describe('delete', () => {
  test('takes the assistant away; a new one of that id begins again', async () => {
    const { assistant_id } = await create({ name: 'first life' })
    await bus.ask('update', { assistant_id, name: 'second version' })
    expect(await bus.ask('delete', { assistant_id })).toBeNull()
    expect((await bus.send('get', { assistant_id })).status).toBe(404)
    expect((await bus.send('delete', { assistant_id })).status).toBe(404)
    expect(await create({ assistant_id, name: 'second life' })).toMatchObject({ version: 1 })
    const version = { assistant_id, version: 1 }
    expect(await bus.ask('version', version)).toMatchObject({ generation: 2, name: 'second life' })
    expect(await bus.ask('version', { ...version, generation: 1 })).toMatchObject({ name: 'first life' })
  })
})

describe('If-Match', () => {
  test('lets a command through at that revision only', async () => {
    const { assistant_id } = await create()
    const body = { assistant_id, name: 'x' }
    const wrong = await bus.send('update', body, { 'If-Match': '7' })
    expect(wrong).toMatchObject({ status: 412, body: { code: 'revision-mismatch', revision: 0 } })
    expect((await bus.send('update', body, { 'If-Match': '"0"' })).status).toBe(200)
    expect((await bus.send('update', body, { 'If-Match': 'latest' })).status).toBe(422)
  })
})

describe('queries', () => {
  test('search pages through what matches, with the true total', async () => {
    const suite = randomUUID()
    for (const name of ['Alpha', 'beta', 'Gamma']) await create({ name, metadata: { suite, tags: ['a'] } })
    const query = { metadata: { suite }, sort_by: 'name', sort_order: 'asc', select: ['name', 'version'] }
    const first = await bus.send('search', { ...query, limit: 2 })
    expect(first.body).toEqual([
      { name: 'Alpha', version: 1 },
      { name: 'beta', version: 1 },
    ])
    expect([first.headers['x-pagination-total'], first.headers['x-pagination-next']]).toEqual(['3', '2'])
    const last = await bus.send('search', { ...query, limit: 2, offset: 2 })
    expect(last.body).toEqual([{ name: 'Gamma', version: 1 }])
    expect([last.headers['x-pagination-total'], last.headers['x-pagination-next']]).toEqual(['3', undefined])
    expect(await bus.ask('count', { metadata: { suite } })).toBe(3)
    expect(await bus.ask('count', { metadata: { suite }, name: 'ET' })).toBe(1)
    expect(await bus.ask('count', { metadata: { suite, tags: 'a' } })).toBe(0)
  })

  test.each([
    ['search', { limit: 0 }],
    ['search', { limit: 1001 }],
    ['search', { limit: '10' }],
    ['search', { offset: -1 }],
    ['search', { offset: 1e300 }],
    ['versions', { assistant_id: '00000000-0000-0000-0000-000000000000', offset: 1e300 }],
    ['search', { sort_by: 'colour' }],
    ['search', { sort_order: 'up' }],
    ['search', { select: ['bogus'] }],
    ['search', { select: 'name' }],
    ['count', { limit: 1 }],
    ['get', {}],
    ['versions', { assistant_id: 'x' }],
    ['version', { assistant_id: '00000000-0000-0000-0000-000000000000' }],
  ])('%s refuses %j', async (verb, body) => {
    const reply = await bus.send(verb, body)
    expect([reply.status, codeOf(reply.body)]).toEqual([422, 'invalid-request'])
  })

  test('get says which environments there are, and when one has nothing yet', async () => {
    const { assistant_id } = await create()
    const moon = await bus.send('get', { assistant_id, environment: 'moon' })
    expect(moon.body).toEqual({
      code: 'unknown-environment',
      detail: "Environment 'moon' is not declared. Expected one of: [live, staging]",
      field: 'environment',
    })
    const staging = await bus.send('get', { assistant_id, environment: 'staging' })
    expect(staging.body).toEqual({
      code: 'not-found',
      detail: 'The assistant has no version in environment staging yet',
    })
  })

  test('versions come newest first; none is a refusal', async () => {
    const { assistant_id } = await create({ metadata: { step: 1 } })
    await bus.ask('update', { assistant_id, metadata: { step: 2 } })
    const versions = await bus.ask<Assistant[]>('versions', { assistant_id })
    expect(versions.map(({ version }) => version)).toEqual([2, 1])
    expect(versions[0]).not.toHaveProperty('updated_at')
    const one = await bus.ask<Assistant[]>('versions', { assistant_id, metadata: { step: 1 } })
    expect(one.map(({ version }) => version)).toEqual([1])
    const none = await bus.send('versions', { assistant_id, offset: 2 })
    expect([none.status, codeOf(none.body)]).toEqual([404, 'not-found'])
  })

  test('version names generation and content hash', async () => {
    const { assistant_id } = await create()
    expect(await bus.ask('version', { assistant_id, version: 1 })).toMatchObject({
      assistant_id,
      version: 1,
      generation: 1,
      content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const missing = await bus.send('version', { assistant_id, version: 2 })
    expect(codeOf(missing.body)).toBe('version-not-found')
    const nobody = await bus.send('version', { assistant_id: randomUUID(), version: 1 })
    expect(codeOf(nobody.body)).toBe('not-found')
  })

  test('Ledger-Min-Position is waited for, not for ever', async () => {
    const { headers } = await bus.send('create', { graph_id: 'writer' })
    const position = headers['ledger-position'] ?? ''
    const seen = await bus.send('count', {}, { 'Ledger-Min-Position': position })
    expect(seen.status).toBe(200)
    expect(BigInt(seen.headers['ledger-position'] ?? 0)).toBeGreaterThanOrEqual(BigInt(position))
    const from = performance.now()
    const far = await bus.send('count', {}, { 'Ledger-Min-Position': `${position}000` })
    // Nobody else writes this log, so that it is known at once.
    expect(far).toMatchObject({
      status: 422,
      body: { field: 'ledger-min-position', detail: expect.stringContaining('beyond the end of the log, ') },
    })
    expect(performance.now() - from).toBeLessThan(LIMITS.minPositionWait_ms)
    const bad = await bus.send('count', {}, { 'Ledger-Min-Position': 'soon' })
    expect(bad.status).toBe(422)
  })

  test('each graph of langgraph.json has its system assistant', async () => {
    const found = await bus.ask<Assistant[]>('search', { metadata: { created_by: 'system' } })
    expect(found.map(({ graph_id, name }) => [graph_id, name])).toEqual([['writer', 'writer']])
  })
})
