// The official JavaScript client, unchanged, through every call it has for assistants, every option and every error.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Client } from '@langchain/langgraph-sdk'
import { type HttpService, startHttpService } from './service.js'

const NOWHERE = '00000000-0000-4000-8000-000000000000'

let http: HttpService
let client: Client
let assistants: Client['assistants']
/** A mark in the metadata of what one test made, so that tests do not see each other's. */
let mark: string

beforeAll(async () => {
  http = await startHttpService()
  client = new Client({ apiUrl: http.url, apiKey: 'lsv2_any', callerOptions: { maxRetries: 0 } })
  assistants = client.assistants
}, 90_000)
afterAll(() => http?.stop(), 30_000)
beforeEach(() => {
  mark = randomUUID()
})

/** What the client says of an answer that is not 2xx. */
async function failure(call: Promise<unknown>): Promise<{ status: number; detail: string; field?: string }> {
  const error = await call.then(
    () => {
      throw new Error('the call was answered')
    },
    (thrown: Error & { status?: number }) => thrown,
  )
  const [, status = '', body = '{}'] = /^HTTP (\d+): (.*)$/s.exec(error.message) ?? []
  const { detail, field } = JSON.parse(body) as { detail: string; field?: string }
  return { status: Number(status), detail, ...(field === undefined ? {} : { field }) }
}

const create = (more: Partial<Parameters<typeof assistants.create>[0]> = {}) =>
  assistants.create({ graphId: 'writer', metadata: { mark }, ...more })

describe('create', () => {
  test('takes every option and gives them back', async () => {
    const assistantId = randomUUID()
    const made = await create({
      assistantId,
      name: 'Blog',
      description: 'Writes posts',
      config: { tags: ['a'], recursion_limit: 7 },
      context: { model: 'sample-1' },
      metadata: { mark, team: { name: 'press' } },
      ifExists: 'raise',
    })
    expect(made).toEqual({
      assistant_id: assistantId,
      graph_id: 'writer',
      version: 1,
      name: 'Blog',
      description: 'Writes posts',
      config: { tags: ['a'], recursion_limit: 7, configurable: { model: 'sample-1' } },
      context: { model: 'sample-1' },
      metadata: { mark, team: { name: 'press' } },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
      updated_at: made.created_at,
    })
    expect(await assistants.get(assistantId)).toEqual(made)
  })

  test('with nothing but a graph has the defaults of the platform', async () => {
    expect(await assistants.create({ graphId: 'writer' })).toMatchObject({
      name: 'Untitled',
      description: null,
      config: {},
      context: {},
      metadata: {},
      version: 1,
    })
  })

  test('mirrors configurable and context, and refuses both', async () => {
    const byConfig = await create({ config: { configurable: { model: 'm' } } })
    const byContext = await create({ context: { model: 'm' } })
    for (const made of [byConfig, byContext])
      expect(made).toMatchObject({ config: { configurable: { model: 'm' } }, context: { model: 'm' } })
    expect(await failure(create({ config: { configurable: { a: 1 } }, context: { b: 2 } }))).toEqual({
      status: 400,
      detail:
        'Cannot specify both configurable and context. Prefer setting context alone. Context was introduced in LangGraph 0.6.0 and is the long term planned replacement for configurable.',
    })
  })

  test('on an id that is taken: 409, or the stored one untouched', async () => {
    const first = await create({ name: 'first' })
    const { assistant_id: assistantId } = first
    expect(await failure(create({ assistantId }))).toEqual({
      status: 409,
      detail: `Assistant ${assistantId} already exists`,
    })
    expect(await create({ assistantId, name: 'second', ifExists: 'do_nothing' })).toEqual(first)
  })

  test('refuses a graph that is not deployed, an id that is none, and config of another shape', async () => {
    expect(await failure(create({ graphId: 'nope' }))).toEqual({
      status: 404,
      detail: "Graph 'nope' not found. Expected one of: [writer]",
      field: 'graph_id',
    })
    expect(await failure(create({ assistantId: 'blog' }))).toEqual({
      status: 422,
      detail: 'Invalid assistant ID: must be a UUID',
      field: 'assistant_id',
    })
    expect(await failure(create({ config: { tags: 'a' as never } }))).toMatchObject({
      status: 422,
      field: 'config/tags',
    })
    expect(await failure(create({ ifExists: 'maybe' as never }))).toMatchObject({
      status: 422,
      field: 'if_exists',
    })
  })
})

describe('update', () => {
  test('keeps what is absent, replaces config and context, merges metadata, counts up', async () => {
    const { assistant_id: id } = await create({
      name: 'Blog',
      config: { tags: ['a'], recursion_limit: 3 },
      metadata: { mark, a: 1, deep: { x: 1, y: 2 } },
    })
    const second = await assistants.update(id, {
      config: { recursion_limit: 9 },
      metadata: { deep: { z: 3 } },
      description: 'now with one',
    })
    expect(second).toMatchObject({
      version: 2,
      name: 'Blog',
      description: 'now with one',
      config: { recursion_limit: 9 },
      metadata: { mark, a: 1, deep: { z: 3 } },
    })
    expect(second.config).not.toHaveProperty('tags')
    expect((second.metadata as { deep: object }).deep).toEqual({ z: 3 })
    const third = await assistants.update(id, { context: { model: 'm' }, name: 'Post' })
    expect(third).toMatchObject({
      version: 3,
      name: 'Post',
      context: { model: 'm' },
      config: { recursion_limit: 9, configurable: { model: 'm' } },
      created_at: second.created_at,
    })
    expect(await assistants.update(id, { context: {}, config: {} })).toMatchObject({
      config: {},
      context: {},
    })
    expect((await assistants.update(id, {})).version).toBe(5)
    expect((await assistants.get(id)).version).toBe(5)
  })

  test('refuses what create refuses, and what is not there', async () => {
    const { assistant_id: id } = await create()
    expect(await failure(assistants.update(id, { graphId: 'nope' }))).toMatchObject({ status: 404 })
    expect(
      await failure(assistants.update(id, { config: { configurable: { a: 1 } }, context: { b: 2 } })),
    ).toMatchObject({ status: 400 })
    expect(await failure(assistants.update(NOWHERE, {}))).toEqual({
      status: 404,
      detail: 'Assistant not found',
    })
    expect(await failure(assistants.update('blog', {}))).toMatchObject({ status: 422 })
    expect((await assistants.get(id)).version).toBe(1)
  })
})

describe('versions and latest', () => {
  test('lists versions, goes back whole, and counts on from the highest', async () => {
    const { assistant_id: id } = await create({ name: 'one', context: { model: 'a' } })
    await assistants.update(id, { name: 'two', description: 'second', context: { model: 'b' } })
    const back = await assistants.setLatest(id, 1)
    expect(back).toMatchObject({
      version: 1,
      name: 'one',
      description: null,
      context: { model: 'a' },
      config: { configurable: { model: 'a' } },
    })
    expect(back.updated_at > back.created_at).toBe(true)
    expect(await assistants.get(id)).toEqual(back)
    const third = await assistants.update(id, { metadata: { step: 3 } })
    expect(third).toMatchObject({ version: 3, name: 'one', description: null, context: { model: 'a' } })

    const all = await assistants.getVersions(id)
    expect(all.map(({ version }) => version)).toEqual([3, 2, 1])
    expect(Object.keys(all[0] ?? {}).sort()).toEqual(
      [
        'assistant_id',
        'graph_id',
        'version',
        'name',
        'description',
        'config',
        'context',
        'metadata',
        'created_at',
      ].sort(),
    )
    expect((await assistants.getVersions(id, { limit: 1, offset: 1 })).map(({ version }) => version)).toEqual(
      [2],
    )
    expect((await assistants.getVersions(id, { metadata: { step: 3 } })).map((one) => one.version)).toEqual([
      3,
    ])
  })

  test('refuses what is not there', async () => {
    const { assistant_id: id } = await create()
    expect(await failure(assistants.setLatest(id, 7))).toMatchObject({ status: 404 })
    expect(await failure(assistants.setLatest(NOWHERE, 1))).toEqual({
      status: 404,
      detail: 'Assistant not found',
    })
    expect(await failure(assistants.setLatest(id, 'one' as never))).toMatchObject({
      status: 422,
      field: 'version',
    })
    expect(await failure(assistants.getVersions(NOWHERE))).toMatchObject({ status: 404 })
    expect(await failure(assistants.getVersions(id, { offset: 5 }))).toMatchObject({ status: 404 })
    expect(await failure(assistants.getVersions(id, { metadata: { no: 1 } }))).toMatchObject({ status: 404 })
    expect(await failure(assistants.getVersions(id, { limit: 0 }))).toMatchObject({
      status: 422,
      field: 'limit',
    })
  })
})

describe('search and count', () => {
  test('filter, sort, select and page', async () => {
    for (const name of ['Cherry', 'apple', 'Banana']) await create({ name, metadata: { mark, name } })
    const mine = { metadata: { mark } }
    const names = async (query: Parameters<typeof assistants.search>[0]) =>
      (await assistants.search(query)).map(({ name }) => name)
    expect(await names(mine)).toEqual(['Banana', 'apple', 'Cherry'])
    expect(await names({ ...mine, sortBy: 'created_at', sortOrder: 'asc' })).toEqual([
      'Cherry',
      'apple',
      'Banana',
    ])
    expect(await names({ ...mine, sortBy: 'name', sortOrder: 'asc' })).toEqual(['apple', 'Banana', 'Cherry'])
    expect(await names({ ...mine, name: 'AN' })).toEqual(['Banana'])
    expect(await names({ metadata: { mark, name: 'apple' } })).toEqual(['apple'])
    expect(await names({ ...mine, graphId: 'writer', limit: 1, offset: 1 })).toEqual(['apple'])
    const paged = { ...mine, includePagination: true } as const
    expect(await assistants.search({ ...paged, limit: 2 })).toMatchObject({ next: '2' })
    expect(await assistants.search({ ...paged, limit: 2, offset: 2 })).toMatchObject({ next: null })
    const [selected] = await assistants.search({ ...mine, limit: 1, select: ['name', 'version'] })
    expect(selected).toEqual({ name: 'Banana', version: 1 })
    expect(await assistants.count(mine)).toBe(3)
    expect(await assistants.count({ ...mine, name: 'an', graphId: 'writer' })).toBe(1)
    expect(await assistants.count({ metadata: { mark: 'nobody' } })).toBe(0)
    expect(await assistants.search({ metadata: { mark: 'nobody' } })).toEqual([])
  })

  test('refuse what is out of range, naming the field', async () => {
    for (const [query, field] of [
      [{ limit: 1001 }, 'limit'],
      [{ offset: -1 }, 'offset'],
      [{ sortBy: 'colour' as never }, 'sort_by'],
      [{ sortOrder: 'up' as never }, 'sort_order'],
      [{ select: ['bogus' as never] }, 'select'],
      [{ metadata: 'x' as never }, 'metadata'],
    ] as const)
      expect(
        await failure(assistants.search(query as Parameters<typeof assistants.search>[0])),
      ).toMatchObject({ status: 422, field })
    expect(await failure(assistants.search({ graphId: 'nope' }))).toMatchObject({ status: 404 })
    expect(await failure(assistants.count({ graphId: 'nope' }))).toMatchObject({ status: 404 })
  })

  test('a graph has its system assistant', async () => {
    const [system] = await assistants.search({ metadata: { created_by: 'system' } })
    expect(system).toMatchObject({ graph_id: 'writer', name: 'writer' })
  })
})

describe('delete', () => {
  test('is for good, and the id may be used again', async () => {
    const { assistant_id: assistantId } = await create()
    await assistants.update(assistantId, { name: 'two' })
    expect(await assistants.delete(assistantId)).toBeUndefined()
    expect(await failure(assistants.get(assistantId))).toEqual({ status: 404, detail: 'Assistant not found' })
    expect(await failure(assistants.delete(assistantId))).toMatchObject({ status: 404 })
    expect(await failure(assistants.getVersions(assistantId))).toMatchObject({ status: 404 })
    expect(await create({ assistantId })).toMatchObject({ version: 1, name: 'Untitled' })
    expect(await assistants.getVersions(assistantId)).toHaveLength(1)
    expect(await assistants.delete(assistantId, { deleteThreads: true })).toBeUndefined()
  })
})

describe('what is not here', () => {
  test('threads, runs, crons and store say where they belong', async () => {
    const { assistant_id: id } = await create()
    for (const call of [
      () => client.threads.create(),
      () => client.threads.get(NOWHERE),
      () => client.runs.create(NOWHERE, id),
      () => client.runs.wait(null, id, { input: {} }),
      () => client.crons.search(),
      () => client.store.putItem(['a'], 'b', {}),
    ])
      expect(await failure(call())).toEqual({
        status: 404,
        detail: expect.stringContaining('server that runs your graphs'),
      })
  })
})
