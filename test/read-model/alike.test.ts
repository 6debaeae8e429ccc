// One log in both databases: the same rows, and the same answers, whatever is in it. PostgreSQL has an order of its own
// for texts, limits for what an index takes and for integers, and no U+0000: none of it may show.
import { randomUUID } from 'node:crypto'
import { fleetStream, graphStream, sealFleetEvent, sealGraphEvent } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { ReadModel, SortField } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { descriptorNamed } from '../support/descriptor.js'
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(60_000)

const LONG = 'a name that no index takes whole '.repeat(300)
const NAMES = [
  'b',
  'B',
  'a',
  'A',
  'ä',
  'Ä',
  'z',
  'é',
  'e\u0301',
  '😀',
  '\uFFFD',
  'a b',
  'a_b',
  'a-b',
  'ab',
  '',
  '10',
  '9',
  'I',
  'İ',
  'ß',
  'ς',
]
const BIG = 2 ** 40

let parts: Parts
let events: RecordedEvent[]
const ids: string[] = []
const databases: Databases[] = []
const places: Place[] = []
const models: ReadModel[] = []

beforeAll(async () => {
  parts = await openParts()
  parts.project()
  const commands = parts.commands()
  const names = [...NAMES, `${LONG}b`, `${LONG}a`, LONG, noise(3000), `${noise(3000)}x`]
  for (const [n, name] of names.entries()) {
    const metadata = {
      n,
      odd: n % 2 === 1,
      nested: [{ name }],
      '': null,
      [`key ${n % 3}`]: { 'a\\b"c': [1.5, -0] },
    }
    const { id } = await commands.create({
      name,
      metadata,
      description: name,
      context: { text: `${name}\u0000` },
    })
    ids.push(id)
    if (n % 4 === 0) await commands.update(id, { name: `${name}!`, metadata: { changed: true } })
    if (n % 8 === 0) await commands.rollback(id)
  }
  await fleet()
  await graph()
  events = []
  for await (const event of parts.log.readAll()) events.push(event)
  for (const [, start] of DATABASES) {
    const started = await start()
    databases.push(started)
    const place = await started.place()
    places.push(place)
    const model = await place.open('alike')
    models.push(model)
    for (let next = 0; next < events.length; next += 7) {
      const batch = events.slice(next, next + 7)
      await model.apply(batch, batch.at(-1)?.position ?? 0n)
    }
  }
})
afterAll(async () => {
  for (const place of places) await place.close()
  for (const each of databases) await each.stop()
  await parts.close()
})

/** Characters that no compression makes shorter, the same each time. */
function noise(length: number): string {
  let state = 1
  const next = () => {
    state = (state * 48271) % 2147483647
    return String.fromCodePoint(0x4e00 + (state % 20000))
  }
  return Array.from({ length }, next).join('')
}

/** What runners say of themselves is theirs to choose. */
async function fleet(): Promise<void> {
  const at = '2026-01-02T03:04:05.000006+00:00'
  const instance = randomUUID()
  const stream = fleetStream(PROJECT, ids[0] as string)
  const [environment, runner] = ['live', 'odd \u0000 runner']
  const runners = [{ runner, instance, environment, graphs: ['writer'], at }]
  const report = {
    environment,
    runner,
    instance,
    revision: 0,
    status: 'rejected',
    reason: '\u0000 no',
    at,
  } as const
  const from = { stream, now: at, commandId: randomUUID(), commandHash: '' }
  const joined = sealFleetEvent({ type: 'RunnersJoined', data: { runners, salt: 's' } }, undefined, from)
  const reported = sealFleetEvent(
    { type: 'RunnersReported', data: { reports: [report], salt: 's' } },
    { revision: 0n, hash: joined.metadata.hash, at },
    from,
  )
  await parts.log.append(stream, 'no_stream', [joined, reported])
}

/** What runners say of their graphs is too. */
async function graph(): Promise<void> {
  const graph_id = 'odd \ufffd graph'
  const stream = graphStream(PROJECT, graph_id)
  const descriptor = descriptorNamed('nul \u0000 and "quotes" \\u0000')
  const data = { graph_id, hash: 'h', descriptor, runner: 'odd \u0000 runner', build: '\u0000', salt: 's' }
  const actor = { id: 'odd', verified: false, via: 'nats' } as const
  const from = { stream, now: '2026-01-02T03:04:05.000006+00:00', commandId: 'c', commandHash: '', actor }
  await parts.log.append(stream, 'no_stream', [
    sealGraphEvent({ type: 'GraphRegistered', data }, undefined, from),
  ])
}

async function alike<T>(ask: (model: ReadModel) => Promise<T>): Promise<T> {
  const [first, second] = await Promise.all(models.map(ask))
  expect(second).toEqual(first)
  return first as T
}

/** As PostgreSQL can keep it. */
const kept = (value: unknown) => JSON.parse(JSON.stringify(value).replace(/\\+u0000/g, '\uFFFD'))

test('the rows are the same', async () => {
  const [file, schema] = await Promise.all(places.map((place) => place.rows('alike')))
  expect(kept(schema)).toEqual(kept(file))
})

describe('a search', () => {
  const orders: SortField[] = ['assistant_id', 'created_at', 'updated_at', 'name', 'graph_id']
  test.each(orders)('by %s, in both directions and in pages', async (sort_by) => {
    for (const sort_order of ['asc', 'desc'] as const) {
      const all = { sort_by, sort_order, select: ['assistant_id', 'name'] as const }
      const { assistants, total } = await alike((model) => model.search({ ...all, limit: 1000, offset: 0 }))
      expect([assistants.length, total]).toEqual([ids.length, ids.length])
      for (const offset of [0, 10, 20]) {
        const page = await alike((model) => model.search({ ...all, limit: 10, offset }))
        expect(page.assistants).toEqual(assistants.slice(offset, offset + 10))
      }
      await alike((model) => model.search({ ...all, name: 'a', limit: 10, offset: 2 }))
      await alike((model) => model.search({ ...all, metadata: { odd: true }, limit: 10, offset: 2 }))
    }
  })

  test.each([
    'a',
    'Ab',
    'index takes',
    '%',
    '_',
    '\\',
    'É',
    '😀',
    'e\u0301',
    'Σ',
    'i\u0307',
    '\u0000',
    'a\u0000b',
    'no such name',
    '\uFFFD',
  ])('for the name %j', async (name) => {
    const page = { limit: 1000, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const
    await alike((model) => model.search({ ...page, name }))
    await alike((model) => model.count({ name, metadata: { odd: true } }))
    await alike((model) => model.count({ graph_id: name }))
  })

  test('for odd metadata', async () => {
    for (const metadata of [
      { '': null },
      { n: 3 },
      { 'key 1': { 'a\\b"c': [1.5] } },
      { nested: [{ name: '\u0000' }] },
    ])
      await alike((model) =>
        model.search({ metadata, limit: 5, offset: 1, sort_by: 'name', sort_order: 'asc' }),
      )
  })
})

test('one by its id, its versions and its keys', async () => {
  for (const id of [...ids, randomUUID(), 'no id', 'nul \u0000']) {
    await alike((model) => model.loadState(id, 'no command'))
    await alike((model) => model.assistant(id, 'live'))
    await alike((model) => model.versions(id, { limit: 10, offset: 0 }))
    for (const version of [1, BIG]) await alike((model) => model.version(id, version))
    await alike((model) => model.version(id, 1, BIG))
    await alike((model) => model.content(id, BIG, BIG))
    await alike((model) => model.fleet.promotion(id, 'live', 'now'))
    await alike((model) => model.fleet.promotion(id, 'live', { revision: BIG }))
    await alike((model) => model.fleet.promotion(id, 'live', { upTo: BIG }))
    await alike((model) => model.fleet.promotion(id, 'live', { at: '2030' }))
    await alike((model) => model.fleet.promotions(id, 'live', { limit: 10, offset: 0 }))
    for (const revision of [-1, 0, BIG]) await alike((model) => model.fleet.canMeet(id, 'live', revision))
  }
  expect(await alike((model) => model.keysOf(ids))).toHaveLength(ids.length)
  await alike(async (model) => {
    const keys: unknown[] = []
    for await (const key of model.keys()) keys.push(key)
    return keys
  })
  await alike((model) => model.graphs())
  await alike((model) => model.fleet.guards())
})

test('a graph', async () => {
  const graph = 'odd \ufffd graph'
  for (const hash of ['h', 'no hash', 'nul \u0000'])
    await alike((model) => model.descriptors.descriptor(graph, hash))
  expect(await alike(async (model) => kept(await model.descriptors.descriptor(graph, 'h')))).toEqual(
    kept(descriptorNamed('nul \u0000 and "quotes" \\u0000')),
  )
  for (const id of [graph, 'odd \u0000 graph']) {
    const newest = await alike(async (model) => {
      const row = await model.descriptors.newest(id)
      return row && kept({ ...row, revision: Number(row.revision), position: Number(row.position) })
    })
    expect(newest).toMatchObject({ graphId: graph, hash: 'h' })
  }
})

test('the fleet', async () => {
  const runners = (runner?: string) =>
    alike(async (model) =>
      kept(await model.fleet.runners({ ...(runner ? { runner } : {}), gone: true, limit: 10, offset: 0 })),
    )
  expect(await runners()).toHaveLength(1)
  expect(await runners('odd \u0000 runner')).toHaveLength(1)
  const words = models.map((model) => model.fleet.words(ids[0] as string, 'live', 0))
  expect((await Promise.all(words)).map(({ size }) => size)).toEqual([1, 1])
})
