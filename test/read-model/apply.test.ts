// What the projection does with events that it has seen, that are missing, that another has projected or that it
// cannot read: the rows are right or unchanged.
import { assistantStream } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import {
  CheckpointMoved,
  type Quarantined,
  type ReadModel,
  RevisionGap,
  StreamUnreadable,
} from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { DATABASES, type Databases, type Place } from './databases.js'

const PAGE = { limit: 10, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const

jest.setTimeout(60_000)

let parts: Parts
let place: Place
const open = (name: string): Promise<ReadModel> => place.open(name)
const rows = (name: string) => place.rows(name)

/** The events of one assistant with three versions, and its id. */
async function recorded(): Promise<{ id: string; events: RecordedEvent[] }> {
  const commands = parts.commands()
  const { id } = await commands.create({ name: 'one' })
  for (const name of ['two', 'three']) await commands.update(id, { name })
  const events: RecordedEvent[] = []
  for await (const event of parts.log.readStream(assistantStream(PROJECT, id))) events.push(event)
  return { id, events }
}

const end = (events: readonly RecordedEvent[]) => events.at(-1)?.position ?? 0n

/** The event after these, of a schema that nobody knows yet. */
const newer = (events: readonly RecordedEvent[]): RecordedEvent => {
  const last = events.at(-1) as RecordedEvent
  const next = { revision: last.revision + 1n, position: last.position + 1n, id: 'newer' }
  return { ...last, ...next, metadata: { ...(last.metadata as object), schema: 99 } }
}

describe.each(DATABASES)('on %s', (_database, start) => {
  let databases: Databases
  beforeAll(async () => {
    databases = await start()
  })
  afterAll(() => databases.stop())
  beforeEach(async () => {
    place = await databases.place()
    parts = await openParts(await place.open('parts'))
    parts.project()
  })
  afterEach(async () => {
    await parts.close()
    await place.close()
  })

  describe('a batch', () => {
    test('of events that were projected already changes nothing but what is new in it', async () => {
      const { events } = await recorded()
      const [model, straight] = [await open('overlapping'), await open('straight')]
      await model.apply(events.slice(0, 3), end(events.slice(0, 3)))
      await model.apply(events.slice(0, 3), end(events.slice(0, 3)))
      await model.apply(events.slice(1), end(events))
      await straight.apply(events, end(events))
      expect(model.quarantined).toEqual([])
      expect(await rows('overlapping')).toEqual(await rows('straight'))
    })

    test.each([
      ['in the middle of a stream', [0], [2, 3], 1n, 2n],
      ['at its beginning', [], [1, 2], 0n, 1n],
    ])('with a gap %s is refused whole', async (_, first, then, expected, actual) => {
      const { id, events } = await recorded()
      const pick = (numbers: readonly number[]) => numbers.map((n) => events[n] as RecordedEvent)
      const model = await open('gap')
      await model.apply(pick(first), end(pick(first)))
      const before = [model.position, await rows('gap')]
      const gap = await model.apply(pick(then), end(events)).catch((error: unknown) => error)
      expect(gap).toBeInstanceOf(RevisionGap)
      expect(gap).toMatchObject({ stream: assistantStream(PROJECT, id), expected, actual })
      expect([model.position, await rows('gap')]).toEqual(before)
      await model.apply(events, end(events))
      expect((await model.assistant(id, 'live'))?.assistant.name).toBe('three')
    })
  })

  describe('an assistant with an event that cannot be read', () => {
    test.each([
      ['in the batch of its others', 'together'],
      ['after it was listed', 'later'],
    ])('is in no search from then on: %s', async (_, when) => {
      const { id, events } = await recorded()
      const other = await recorded()
      const model = await open(when)
      const all = [...events, ...other.events]
      if (when === 'later') {
        await model.apply(all, end(all))
        expect((await model.search(PAGE)).total).toBe(2)
        await model.apply([newer(events)], end(all) + 1n)
      } else await model.apply([...events, newer(events), ...other.events], end(all) + 1n)
      const { total, assistants } = await model.search(PAGE)
      expect([total, assistants.map(({ assistant_id }) => assistant_id)]).toEqual([1, [other.id]])
      expect((await model.search({ ...PAGE, limit: 1000 })).total).toBe(1)
      expect(await model.count({})).toBe(1)
      expect(await model.count({ graph_id: 'writer' })).toBe(1)
      expect(model.quarantined).toMatchObject([{ stream: assistantStream(PROJECT, id) }])
    })
  })

  test('long lists come in pages of their own, and show the same as short ones', async () => {
    const commands = parts.commands()
    const made: string[] = []
    for (let n = 0; n < 70; n++) made.push((await commands.create({ metadata: { n } })).id)
    const { model } = parts
    const ids = async (limit: number, offset: number) =>
      (await model.search({ ...PAGE, limit, offset })).assistants.map(({ assistant_id }) => assistant_id)
    const newestFirst = [...made].reverse()
    expect(await ids(1000, 0)).toEqual(newestFirst)
    expect(await ids(40, 20)).toEqual(newestFirst.slice(20, 60))
    expect(await ids(30, 20)).toEqual(newestFirst.slice(20, 50))
    expect((await model.search({ ...PAGE, limit: 40 })).total).toBe(70)

    const id = made[0] as string
    for (let n = 2; n <= 70; n++) await commands.update(id, { metadata: { odd: n % 2 } })
    const versions = async (query: object) =>
      (await model.versions(id, { limit: 1000, offset: 0, ...query })).map(({ version }) => version)
    const all = Array.from({ length: 70 }, (_, n) => 70 - n)
    expect(await versions({})).toEqual(all)
    expect(await versions({ limit: 40, offset: 20 })).toEqual(all.slice(20, 60))
    expect(await versions({ offset: 70 })).toEqual([])
    const odd = all.filter((version) => version % 2 === 1 && version > 1)
    expect(await versions({ metadata: { odd: 1 } })).toEqual(odd)
    expect(await versions({ metadata: { odd: 1 }, limit: 20, offset: 10 })).toEqual(odd.slice(10, 30))
  })

  test('what is of another log is cleared for all, and projected anew', async () => {
    const { id, events } = await recorded()
    const [model, straight] = [await open('cleared'), await open('straight')]
    await model.apply([...events, newer(events)], end(events) + 1n)
    expect(model.quarantined).toHaveLength(1)
    const empty = await rows('straight')
    await model.clear()
    expect([model.position, model.ledger, model.quarantined]).toEqual([0n, undefined, []])
    expect(await rows('cleared')).toEqual(empty)
    for (const each of [model, straight]) await each.apply(events, end(events))
    expect((await model.assistant(id, 'live'))?.assistant.name).toBe('three')
    expect(await rows('cleared')).toEqual(await rows('straight'))
  })

  test('a stream that may not be quarantined refuses the batch whole', async () => {
    const { id, events } = await recorded()
    const model = await open('refusing')
    const asked: Quarantined[] = []
    const mayQuarantine = (found: Quarantined) => asked.push(found) < 0
    const before = await rows('refusing')
    await expect(
      model.apply([...events, newer(events)], end(events) + 1n, { mayQuarantine }),
    ).rejects.toBeInstanceOf(StreamUnreadable)
    const revision = BigInt(events.length)
    expect(asked).toMatchObject([{ stream: assistantStream(PROJECT, id), revision }])
    expect([model.position, model.quarantined, await rows('refusing')]).toEqual([0n, [], before])
  })
})

test('in SQLite a batch after another projection has moved the checkpoint is refused whole', async () => {
  const databases = await (DATABASES[0] as (typeof DATABASES)[number])[1]()
  place = await databases.place()
  parts = await openParts()
  const { events } = await recorded()
  const [leading, late] = [await open('shared'), await open('shared')]
  const some = events.slice(0, 3)
  await leading.apply(some, end(some))
  const before = await rows('shared')
  for (const batch of [some, events, []])
    await expect(late.apply(batch, end(events))).rejects.toBeInstanceOf(CheckpointMoved)
  expect([late.position, await rows('shared')]).toEqual([0n, before])
  await leading.apply(events.slice(3), end(events))
  expect(leading.position).toBe(end(events))
  await late.refresh()
  expect(late.position).toBe(end(events))
  await parts.close()
  await place.close()
  await databases.stop()
})
