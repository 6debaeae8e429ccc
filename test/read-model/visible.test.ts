// What an asker sees is what the plain function says, on each database: searches, counts and versions, in every order
// and page, with and without a filter of the asker's own.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { type AssistantSearch, contains, type Filter, matches } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { openParts, type Parts } from '../registry/parts.js'
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(120_000)

const RUNS = 300
const ASSISTANTS = 60

const KEYS = ['owner', 'org', 'tags', 'a"b', '__proto__'] as const
const SCALARS: readonly JsonValue[] = ['alice', 'bob', 'x', '', 0, 1, true, null, 'long '.repeat(40)]

const scalar = fc.constantFrom(...SCALARS)
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2 }),
  fc.array(fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2 }), { maxLength: 2 }),
)
const key = fc.constantFrom(...KEYS)
const metadata = fc
  .array(fc.tuple(key, value), { maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs) as JsonObject)

const element = fc.oneof({ weight: 4, arbitrary: scalar }, value)
const condition = fc.oneof(
  { weight: 3, arbitrary: scalar as fc.Arbitrary<unknown> },
  { weight: 2, arbitrary: value.map(($eq) => ({ $eq })) },
  { weight: 2, arbitrary: scalar.map(($contains) => ({ $contains })) },
  fc.array(element, { minLength: 1, maxLength: 3 }).map(($contains) => ({ $contains })),
)
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 3, arbitrary: fc.dictionary(key, condition, { maxKeys: 2 }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.array(tie('filter'), { maxLength: 3 }), fc.dictionary(key, condition, { maxKeys: 1 }))
        .map(([$or, more]) => ({ ...more, $or })),
    },
    { weight: 1, arbitrary: fc.array(tie('filter'), { maxLength: 3 }).map(($and) => ({ $and })) },
  ),
}))

const asked = fc.record(
  {
    metadata: fc.dictionary(key, value, { maxKeys: 1 }) as fc.Arbitrary<JsonObject>,
    graph_id: fc.constantFrom('writer', 'editor'),
    name: fc.constantFrom('', 'n', 'na', 'nam', 'name 1', 'x'),
  },
  { requiredKeys: [] },
)
const page = fc.record({
  limit: fc.constantFrom(1, 3, 10, 1000),
  offset: fc.constantFrom(0, 1, 5),
  sort_by: fc.constantFrom<AssistantSearch['sort_by']>('created_at', 'name', 'assistant_id'),
  sort_order: fc.constantFrom<'asc' | 'desc'>('asc', 'desc'),
})

/** Wide filters: more alternatives, and more terms, than one query looks for. */
const WIDE: readonly Filter[] = [
  { $or: Array.from({ length: 100 }, (_, n) => ({ owner: n === 99 ? 'alice' : `nobody ${n}` })) },
  { $or: Array.from({ length: 30 }, (_, n) => ({ owner: n === 29 ? 'alice' : `nobody ${n}` })) },
  { $and: Array.from({ length: 40 }, () => ({ owner: 'alice' })) },
  { tags: { $contains: Array.from({ length: 20 }, () => 'x') } },
  {
    $and: Array.from({ length: 7 }, () => ({ $or: [{ owner: 'alice' }, { owner: 'bob' }, { org: 'x' }] })),
  },
  { $and: KEYS.map((name) => ({ $or: SCALARS.map(($eq) => ({ [name]: { $eq } })) })) },
]

describe.each(DATABASES)('on %s', (_database, start) => {
  let databases: Databases
  let place: Place
  let parts: Parts
  let all: readonly { id: string; metadata: JsonObject; name: string; graph_id: string }[]

  beforeAll(async () => {
    databases = await start()
    place = await databases.place()
    parts = await openParts(await place.open('visible'))
    parts.project()
    const commands = parts.commands()
    for (const [n, some] of fc.sample(metadata, { numRuns: ASSISTANTS, seed: 6 }).entries()) {
      const graph_id = n % 3 === 0 ? 'editor' : 'writer'
      const { id } = await commands.create({ metadata: some, name: `name ${n}`, graph_id })
      // Versions of several owners.
      if (n % 4 === 0) await commands.update(id, { metadata: { owner: SCALARS[n % 3] as string } })
    }
    expect(await parts.model.reached(await parts.log.head(), 30_000)).toBe(true)
    const { assistants } = await parts.model.search({
      limit: 1000,
      offset: 0,
      sort_by: 'created_at',
      sort_order: 'asc',
    })
    all = assistants.map((one) => ({ ...one, id: one.assistant_id }) as (typeof all)[number])
    expect(all).toHaveLength(ASSISTANTS)
  })
  afterAll(async () => {
    await parts.close()
    await place.close()
    await databases.stop()
  })

  const found = ({ metadata = {}, graph_id, name = '' }: Parameters<Parts['model']['count']>[0]) =>
    all.filter(
      (one) =>
        contains(one.metadata, metadata) &&
        (graph_id === undefined || one.graph_id === graph_id) &&
        one.name.includes(name),
    )

  async function check(visible: Filter, own: fc.Arbitrary<unknown> | object, shown: object): Promise<number> {
    const wanted = found(own as object).filter((one) => matches(one.metadata, visible))
    const { limit, offset, ...order } = shown as { limit: number; offset: number } & Record<string, never>
    const everything = await parts.model.search({
      ...(own as object),
      ...order,
      limit: 1000,
      offset: 0,
    } as never)
    const ids = new Set(wanted.map(({ id }) => id))
    const inOrder = everything.assistants.filter(({ assistant_id = '' }) => ids.has(assistant_id))
    const search = { ...(own as object), ...order, limit, offset, visible } as AssistantSearch
    const { assistants, total } = await parts.model.search(search)
    expect(assistants).toEqual(inOrder.slice(offset, offset + limit))
    expect(total).toBe(wanted.length)
    expect(await parts.model.count({ ...(own as object), visible })).toBe(wanted.length)
    return wanted.length
  }

  test('searches and counts', async () => {
    let [some, none] = [0, 0]
    await fc.assert(
      fc.asyncProperty(filter, asked, page, async (visible, own, shown) => {
        const count = await check(visible, own, shown)
        if (count > 0 && count < ASSISTANTS) some += 1
        if (count === 0) none += 1
      }),
      { numRuns: RUNS },
    )
    // Filters that see all or nothing would prove little.
    expect(some).toBeGreaterThan(RUNS / 10)
    expect(none).toBeGreaterThan(0)
  })

  test.each(WIDE.map((wide, n) => [n, wide] as const))('wide filter %i', async (_n, visible) => {
    for (const own of [{}, { graph_id: 'writer' }, { name: 'na' }])
      await check(visible, own, { limit: 1000, offset: 0, sort_by: 'created_at', sort_order: 'desc' })
  })

  test("versions: none of an assistant that is somebody else's by now", async () => {
    let handedOver = 0
    for (const { id, metadata: live } of all)
      for (const version of await parts.model.versions(id, { limit: 1000, offset: 0 })) {
        const { owner } = version.metadata
        if (owner === undefined) continue
        const visible = { owner: { $eq: owner } }
        if (!matches(live, visible)) handedOver += 1
        const shown = await parts.model.versions(id, { limit: 1000, offset: 0, visible })
        expect(shown.length > 0).toBe(matches(live, visible))
      }
    expect(handedOver).toBeGreaterThan(0)
  })

  test('versions: those of its own of an assistant that is seen', async () => {
    const whole = { limit: 1000, offset: 0 }
    await fc.assert(
      fc.asyncProperty(filter, fc.nat(ASSISTANTS - 1), page, async (visible, n, { limit, offset }) => {
        const one = all[n] as (typeof all)[number]
        const versions = await parts.model.versions(one.id, whole)
        const wanted = matches(one.metadata, visible)
          ? versions.filter((version) => matches(version.metadata, visible))
          : []
        expect(await parts.model.versions(one.id, { limit, offset, visible })).toEqual(
          wanted.slice(offset, offset + limit),
        )
      }),
      { numRuns: RUNS },
    )
  })
})
