// What was, on a real log: every point of random lives against the fold that decisions are taken on, who set each field
// against a plain model, and pages that neither repeat nor lose.
import { randomUUID } from 'node:crypto'
import { canonical, contentHash, type JsonValue } from '@assistant-ledger/assistant'
import {
  blame,
  contentAt,
  HISTORY_LIMITS,
  type HistoryEntry,
  type HistoryQuery,
  historyOf,
  historyOfAll,
  isSeenNow,
  leavesOf,
  lineOf,
  Memory,
  Past,
  parseCursor,
  parsePoint,
  type Sees,
  seenAt,
} from '@assistant-ledger/history'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { Assistant, contentIn, live, must, openLog, PROJECT, step, type TestLog } from './lives.js'

jest.setTimeout(60_000)

let store: TestLog
beforeAll(async () => {
  store = await openLog()
})
afterAll(() => store.close())

const STEPS = fc.array(step, { minLength: 4, maxLength: 25 })
const point = (text: string) => must(parsePoint(text))

/** Every page of a history, as one list; and how many pages that took. */
async function whole(ask: (query: HistoryQuery) => ReturnType<typeof historyOfAll>, query: HistoryQuery) {
  const entries: HistoryEntry[] = []
  let pages = 0
  for (let before: HistoryQuery['before']; ; ) {
    const page = await ask({ ...query, ...(before ? { before } : {}) })
    expect(page.entries.length).toBeLessThanOrEqual(query.limit)
    entries.push(...page.entries)
    pages += 1
    if (page.next === undefined) return { entries, pages }
    before = parseCursor(page.next)
  }
}

describe('any point of any life', () => {
  test('is what the fold of the events up to it says', async () => {
    const past = new Past(store.log, PROJECT)
    await fc.assert(
      fc.asyncProperty(STEPS, async (steps) => {
        const assistant = new Assistant(store.log)
        await live(assistant, steps)
        const chronicle = await past.of(assistant.id)
        for (const { position, recorded, state } of assistant.happened)
          for (const environment of ['live', 'staging']) {
            const found = await contentAt(past, chronicle, point(`@${position}`), environment)
            const content = contentIn(state, environment)
            expect(found.type === 'version' ? found.content : undefined).toEqual(content)
            if (found.type !== 'version' || !content) continue
            expect(found.revision).toBe(recorded.revision)
            expect(found.createdAt).toBe(state.life?.createdAt)
            expect(found.pointed?.at).toBe(state.life?.environments.get(environment)?.at)
            expect(found.made.generation).toBe(state.generation)
            expect(found.ref.endsWith(`#${contentHash(content).slice(0, 16)}`)).toBe(true)
          }
        // Events of one command share their time: it means all of them.
        for (const [n, { recorded, state }] of assistant.happened.entries()) {
          const { at } = recorded.metadata
          if (assistant.happened[n + 1]?.recorded.metadata.at === at) continue
          const found = await contentAt(past, chronicle, point(at))
          expect(found.type === 'version' ? found.content : undefined).toEqual(contentIn(state))
        }
        for (const { recorded } of assistant.happened) {
          const { event, revision } = recorded
          if (event.type !== 'AssistantCreated' && event.type !== 'ConfigChanged') continue
          const { generation } = chronicle.after(revision)
          const found = await contentAt(past, chronicle, point(`${generation}.${event.data.version}`))
          expect(found.type === 'version' ? found.content : undefined).toEqual(event.data.content)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('is said not to be there for what it is', async () => {
    const past = new Past(store.log, PROJECT)
    const assistant = new Assistant(store.log)
    const before = await store.log.head()
    await assistant.create()
    const asked = async (text: string, environment?: string) => {
      const found = await contentAt(past, await past.of(assistant.id), point(text), environment)
      return found.type === 'version' ? found.ref : found.what
    }
    expect(await asked(`@${before}`)).toBe('assistant')
    expect(await asked('staging')).toBe('environment')
    expect(await asked('9')).toBe('version')
    expect(await asked('7.1')).toBe('version')
    expect(await asked('2020-01-01T00:00:00Z')).toBe('assistant')
    expect(await asked('live')).toMatch(/@1\.1#/)
    await assistant.send({ type: 'delete' })
    expect(await asked('live')).toBe('assistant')
    // Of the last life, where there is none.
    expect(await asked('1')).toMatch(/@1\.1#/)
    await assistant.create({ name: 'again' })
    expect(await asked('1')).toMatch(/@2\.1#/)
    expect(await asked('1.1')).toMatch(/@1\.1#/)
  })
})

describe('blame', () => {
  test('agrees with a plain model over random lives', async () => {
    const past = new Past(store.log, PROJECT)
    await fc.assert(
      fc.asyncProperty(STEPS, async (steps) => {
        const assistant = new Assistant(store.log)
        await live(assistant, steps)
        const chronicle = await past.of(assistant.id)
        // Forward: a field that is equal in the version that was live is that one's, any other the new version's.
        const setters = new Map<string, Map<string, string>>()
        for (const [n, { recorded }] of assistant.happened.entries()) {
          const { event, revision } = recorded
          if (event.type !== 'AssistantCreated' && event.type !== 'ConfigChanged') continue
          const { generation } = chronicle.after(revision)
          const name = `${generation}.${event.data.version}`
          const before = event.type === 'ConfigChanged' ? assistant.happened[n - 1]?.state : undefined
          const parent = before && contentIn(before)
          const inherited = parent && leavesOf(parent as unknown as JsonValue)
          const of = setters.get(`${generation}.${before?.life?.environments.get('live')?.version}`)
          const set = new Map<string, string>()
          for (const [pointer, value] of leavesOf(event.data.content as unknown as JsonValue)) {
            const old = inherited?.get(pointer)
            const same = old !== undefined && canonical(old) === canonical(value)
            set.set(pointer, (same && of?.get(pointer)) || name)
          }
          setters.set(name, set)
          const made = must(chronicle.version(generation, event.data.version))
          const blamed = await blame(assistant.id, lineOf(past, chronicle, made))
          expect(new Map(blamed.map((one) => [one.pointer, `${one.generation}.${one.version}`]))).toEqual(set)
          for (const one of blamed) {
            const by = chronicle.version(one.generation, one.version)
            expect([one.at, one.actor, one.reason]).toEqual([by?.at, by?.actor, by?.reason])
          }
        }
      }),
      { numRuns: 25 },
    )
  })

  test('passes over what was gone back from, and asks for no more than it needs', async () => {
    const past = new Past(store.log, PROJECT)
    const assistant = new Assistant(store.log)
    await assistant.create({ context: { model: 'a', prompt: 'p' } }, { actor: 'ann', reason: 'first' })
    await assistant.update({ context: { model: 'b', prompt: 'p' } }, { actor: 'bob' })
    await assistant.send({ type: 'rollback', environment: 'live' })
    await assistant.update({ context: { model: 'a', prompt: 'q', tools: ['x'] } }, { actor: 'eve' })
    const chronicle = await past.of(assistant.id)
    const made = must(chronicle.version(1, 3))
    const line = lineOf(past, chronicle, made)
    const versions: number[] = []
    const counted = (async function* () {
      for await (const one of line) {
        versions.push(one.version)
        yield one
      }
    })()
    const by = new Map(
      (await blame(assistant.id, counted)).map(({ pointer, version, actor }) => [
        pointer,
        [version, actor.id],
      ]),
    )
    expect(versions).toEqual([3, 1])
    expect(by.get('/context/model')).toEqual([1, 'ann'])
    expect(by.get('/context/prompt')).toEqual([3, 'eve'])
    expect(by.get('/context/tools')).toEqual([3, 'eve'])
    const only = await blame(assistant.id, lineOf(past, chronicle, made), '/context/model')
    expect(only.map(({ pointer, reason }) => [pointer, reason])).toEqual([['/context/model', 'first']])
  })
})

describe('history', () => {
  test('is every event once, newest first, whatever the pages', async () => {
    const past = new Past(store.log, PROJECT)
    await fc.assert(
      fc.asyncProperty(
        STEPS,
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (steps, limit, receipts) => {
          const assistant = new Assistant(store.log)
          for (const [n, one] of steps.entries()) {
            await live(assistant, [one])
            if (n % 3 === 0) await assistant.report({ revision: n })
          }
          const { entries } = await whole((query) => historyOf(past, assistant.id, { ...query, receipts }), {
            limit,
          })
          const own = entries.filter(({ type }) => type !== 'RunnersReported')
          expect(own.map(({ position }) => position)).toEqual(
            assistant.happened.map(({ position }) => String(position)).reverse(),
          )
          const positions = entries.map(({ position }) => BigInt(position))
          expect(positions).toEqual([...positions].sort((a, b) => (a < b ? 1 : -1)))
          expect(entries.length - own.length).toBe(receipts ? Math.ceil(steps.length / 3) : 0)
          for (const { revision, type, version, generation, ref } of own) {
            const { recorded, state } = must(assistant.happened[revision])
            expect([type, generation]).toEqual([recorded.event.type, state.generation])
            if (recorded.event.type === 'VersionPromoted') expect(version).toBe(recorded.event.data.version)
            expect(ref).toMatch(new RegExp(`^${assistant.id}@${generation}\\.${version}#[0-9a-f]{16}$`))
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  test('is of what is asked for', async () => {
    const past = new Past(store.log, PROJECT)
    const one = new Assistant(store.log)
    const other = new Assistant(store.log)
    const start = await store.log.head()
    await one.create({ name: 'One' }, { actor: 'ann' })
    await other.create({ graph_id: 'editor' }, { actor: 'bob', reason: 'For Spring' })
    await one.update({ name: 'Two' }, { actor: 'ann', reason: 'for spring too' }, 'staging')
    await other.update({ graph_id: 'writer' }, { actor: 'bob' })
    await one.send({ type: 'delete' }, { actor: 'bob' })
    const asked = async (filter: Partial<HistoryQuery>) => {
      const { entries } = await whole((query) => historyOfAll(past, query), { limit: 3, ...filter })
      return entries
        .filter(({ position }) => BigInt(position) > start)
        .map(({ type, version, assistant_id }) => `${assistant_id === one.id ? 1 : 2} ${type} ${version}`)
    }
    const all = [
      '1 AssistantDeleted 1',
      '2 VersionPromoted 2',
      '2 ConfigChanged 2',
      '1 VersionPromoted 2',
      '1 ConfigChanged 2',
      '2 AssistantCreated 1',
      '1 AssistantCreated 1',
    ]
    expect(await asked({})).toEqual(all)
    expect(await asked({ actor: 'ann' })).toEqual([all[3], all[4], all[6]])
    expect(await asked({ types: new Set(['AssistantCreated', 'AssistantDeleted']) })).toEqual([
      all[0],
      all[5],
      all[6],
    ])
    expect(await asked({ graphId: 'editor' })).toEqual([all[5]])
    expect(await asked({ environment: 'staging' })).toEqual([all[0], all[3]])
    expect(await asked({ reason: 'SPRING' })).toEqual([all[3], all[4], all[5]])
    const at = (n: number) => one.happened[n]?.recorded.metadata.at ?? ''
    expect(await asked({ since: at(1), until: at(3) })).toEqual(all.slice(1, 5))
    const ofOne = await historyOf(past, one.id, { limit: 9, since: at(1), until: at(3) })
    expect(ofOne.entries.map(({ type }) => type)).toEqual(['VersionPromoted', 'ConfigChanged'])
    expect(ofOne.entries[0]).toMatchObject({
      what: 'moved staging to version 2',
      environment: 'staging',
      graph_id: 'writer',
      actor: { id: 'ann', verified: true, via: 'http' },
      reason: 'for spring too',
    })
    expect(ofOne.entries[1]).toMatchObject({ what: 'made version 2 from version 1', built_on: 1 })
  })

  test('costs a bounded number of events a page, and goes on from its cursor', async () => {
    const { log, close } = await openLog()
    try {
      const wanted = new Assistant(log)
      await wanted.create({}, { actor: 'ann' })
      const noise = Array.from({ length: 200 }, () => ({
        id: randomUUID(),
        type: 'Noise',
        data: {},
        metadata: {},
      }))
      for (let n = 0; n * 200 < HISTORY_LIMITS.scanned * 1.5; n++)
        await log.append(`fleet.${PROJECT}-${n}`, 'no_stream', noise)
      const past = new Past(log, PROJECT)
      const first = await historyOfAll(past, { limit: 10 })
      expect(first.entries).toEqual([])
      const { entries, pages } = await whole((query) => historyOfAll(past, query), { limit: 10 })
      expect(entries.map(({ assistant_id }) => assistant_id)).toEqual([wanted.id])
      expect(pages).toBe(2)
    } finally {
      await close()
    }
  })

  test('is paged by its size too', async () => {
    const past = new Past(store.log, PROJECT)
    const assistant = new Assistant(store.log)
    await assistant.create()
    const reason = 'r'.repeat(2_000)
    for (let n = 0; n < 100; n++) await assistant.update({ name: `n${n}` }, { reason })
    const { entries, pages } = await whole((query) => historyOf(past, assistant.id, query), { limit: 1_000 })
    expect(pages).toBe(Math.ceil(JSON.stringify(entries).length / HISTORY_LIMITS.pageSize))
    expect(entries).toHaveLength(201)
  })

  test('of one assistant reads no other stream', async () => {
    const assistant = new Assistant(store.log)
    await assistant.create()
    await assistant.update({ name: 'two' })
    const past = new Past(store.log, PROJECT)
    await historyOf(past, assistant.id, { limit: 10 })
    expect(past.read).toBe(3)
    // Known by then: only what has come since is read.
    await assistant.update({ name: 'three' })
    await historyOf(past, assistant.id, { limit: 1 })
    expect(past.read).toBe(5)
  })
})

describe('what somebody sees', () => {
  const sees =
    (owner: string): Sees =>
    (metadata) =>
      metadata.owner === owner

  test('is judged by what the assistant was then, and its way out of sight shows nothing', async () => {
    const past = new Past(store.log, PROJECT)
    const assistant = new Assistant(store.log)
    await assistant.create({ metadata: { owner: 'ann' } })
    await assistant.update({ name: 'two' })
    await assistant.update({ metadata: { owner: 'bob' } })
    await assistant.update({ name: 'secret' }, {}, null)
    await assistant.send({ type: 'delete' })
    await assistant.create({ metadata: { owner: 'ann' } })
    const chronicle = await past.of(assistant.id)
    const seenBy = (owner: string) =>
      Promise.all(assistant.happened.map(({ recorded }) => seenAt(past, chronicle, recorded, sees(owner))))
    const types = assistant.happened.map(({ recorded }) => recorded.event.type)
    const shown = (seen: string[]) => types.map((type, n) => `${type} ${seen[n]}`)
    expect(shown(await seenBy('ann'))).toEqual([
      'AssistantCreated seen',
      'ConfigChanged seen',
      'VersionPromoted seen',
      'ConfigChanged hidden',
      'VersionPromoted gone',
      'ConfigChanged hidden',
      'AssistantDeleted hidden',
      'AssistantCreated seen',
    ])
    expect(shown(await seenBy('bob'))).toEqual([
      'AssistantCreated hidden',
      'ConfigChanged hidden',
      'VersionPromoted hidden',
      'ConfigChanged hidden',
      'VersionPromoted seen',
      'ConfigChanged seen',
      'AssistantDeleted seen',
      'AssistantCreated hidden',
    ])
    expect([
      await isSeenNow(past, chronicle, sees('ann')),
      await isSeenNow(past, chronicle, sees('bob')),
    ]).toEqual([true, false])
    await assistant.send({ type: 'delete' })
    const after = await past.of(assistant.id)
    expect([await isSeenNow(past, after, sees('ann')), await isSeenNow(past, after, sees('bob'))]).toEqual([
      true,
      false,
    ])
    const { entries } = await historyOfAll(past, { limit: 100 }, sees('bob'))
    expect(entries.filter(({ assistant_id }) => assistant_id === assistant.id)).toHaveLength(3)
  })

  test('is the same with metadata too large to be remembered', async () => {
    const past = new Past(store.log, PROJECT)
    const assistant = new Assistant(store.log)
    await assistant.create({ metadata: { owner: 'ann', much: 'x'.repeat(HISTORY_LIMITS.metadata) } })
    const chronicle = await past.of(assistant.id)
    expect(chronicle.version(1, 1)?.metadata).toBeUndefined()
    expect(await isSeenNow(past, chronicle, sees('ann'))).toBe(true)
    expect(await isSeenNow(past, chronicle, sees('bob'))).toBe(false)
  })
})

test('what was remembered is given up for what is asked for', async () => {
  const memory = new Memory(4)
  const past = new Past(store.log, PROJECT, memory)
  const assistants = [new Assistant(store.log), new Assistant(store.log), new Assistant(store.log)]
  for (const one of assistants) {
    await one.create()
    await one.update({ name: 'two' })
  }
  for (const { id } of [...assistants, ...assistants])
    expect((await historyOf(past, id, { limit: 10 })).entries).toHaveLength(3)
  expect(memory.events).toBeLessThanOrEqual(4)
})

test('an event that cannot be read ends what is known, and is told of', async () => {
  const assistant = new Assistant(store.log)
  await assistant.create()
  await store.log.append(assistant.stream, 0n, [
    { id: randomUUID(), type: 'FromTheFuture', data: {}, metadata: { schema: 99, at: '2099' } },
  ])
  const past = new Past(store.log, PROJECT)
  const { entries } = await historyOf(past, assistant.id, { limit: 10 })
  expect(entries.map(({ type }) => type)).toEqual(['AssistantCreated'])
  const chronicle = await past.of(assistant.id)
  expect(chronicle.unreadable?.revision).toBe(1n)
  const all = await historyOfAll(past, { limit: 1 })
  expect(all.entries[0]).toMatchObject({ type: 'Unreadable', assistant_id: assistant.id, revision: 1 })
  expect((await historyOfAll(past, { limit: 1 }, () => true)).entries[0]?.type).not.toBe('Unreadable')
})
