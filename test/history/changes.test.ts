// The changes as they come, with limits small enough to be reached: everybody gets all of them once and in order, however
// far behind, and nobody holds up another.
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { type EventLog, LogUnavailable } from '@assistant-ledger/event-log'
import { Memory, Past, type Sees } from '@assistant-ledger/history'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { Changes, type Told, type Watching } from '../../apps/registry/src/changes/changes.js'
import { eventStream } from '../../apps/registry/src/changes/event-stream.js'
import type { ChangesLimits } from '../../apps/registry/src/changes/limits.js'
import { Assistant, openLog, PROJECT, type TestLog } from './lives.js'

jest.setTimeout(60_000)

let store: TestLog
let follows = 0
let open = 0
/** Pages that were read by those who are behind. */
let pages = 0
/** The next followings fail with it before they begin. */
const failures: Error[] = []
beforeAll(async () => {
  store = await openLog()
})
afterAll(() => store.close())

/** The log, with a count of those who follow it. */
const counted = (log: EventLog): EventLog =>
  new Proxy(log, {
    get(target, name) {
      if (name === 'readAll') pages += 1
      if (name !== 'follow') return Reflect.get(target, name).bind(target)
      return async function* (options: Parameters<EventLog['follow']>[0]) {
        follows += 1
        open += 1
        try {
          const failure = failures.shift()
          if (failure) throw failure
          yield* target.follow(options)
        } finally {
          open -= 1
        }
      }
    },
  })

function changesWith(limits: Partial<ChangesLimits> = {}): Changes {
  return new Changes(new Past(counted(store.log), PROJECT, new Memory(100)), {
    heartbeat_ms: 60_000,
    ...limits,
  })
}

/** A reader that is told so many notices, and how far it is. */
class Reader {
  readonly told: Told[] = []
  readonly ending = new AbortController()
  private constructor(private readonly stream: AsyncGenerator<Told>) {}

  static async of(changes: Changes, watching: Partial<Watching> = {}): Promise<Reader> {
    const ending = new AbortController()
    const stream = await changes.watch({ filter: {}, sees: undefined, ...watching }, ending.signal)
    const reader = new Reader(stream)
    ending.signal.addEventListener('abort', () => reader.ending.abort())
    reader.ending.signal.addEventListener('abort', () => ending.abort())
    // It begins where it was opened.
    await stream.next()
    return reader
  }

  async take(count: number): Promise<bigint[]> {
    const positions: bigint[] = []
    while (positions.length < count) {
      const { value, done } = await this.stream.next()
      if (done) throw new Error(`it ended after ${positions.length} of ${count}`)
      this.told.push(value)
      if (value.notice) positions.push(value.position)
    }
    return positions
  }

  next = () => this.stream.next()
  leave = () => this.stream.return(undefined)
}

async function happen(assistant: Assistant, count: number): Promise<bigint[]> {
  const before = assistant.happened.length
  for (let n = 0; n < count; n++) await assistant.update({ name: `n${n}` }, {}, null)
  return assistant.happened.slice(before).map(({ position }) => position)
}

async function made(content = {}): Promise<Assistant> {
  const assistant = new Assistant(store.log)
  await assistant.create(content)
  return assistant
}

test('many watch by one following of the log, which ends with the last of them', async () => {
  const changes = changesWith()
  const assistant = await made()
  const began = follows
  const readers = await Promise.all(Array.from({ length: 20 }, () => Reader.of(changes)))
  const first = readers.map((reader) => reader.take(3))
  const positions = await happen(assistant, 3)
  for (const taken of await Promise.all(first)) expect(taken).toEqual(positions)
  expect([follows - began, open, changes.watching]).toEqual([1, 1, 20])
  for (const reader of readers) await reader.leave()
  while (open > 0) await turn()
  expect(changes.watching).toBe(0)
  // And begins again with the next.
  const late = await Reader.of(changes)
  const taken = late.take(1)
  expect(await happen(assistant, 1)).toEqual(await taken)
  expect(follows - began).toBe(2)
  await late.leave()
})

test('who is far behind, or slow, gets everything in order, and holds up nobody', async () => {
  const changes = changesWith({ recent: 8, page: 4 })
  const assistant = await made()
  const start = assistant.happened[0]?.position as bigint
  const past = await happen(assistant, 50)
  const slow = await Reader.of(changes, { after: start })
  expect(await slow.take(1)).toEqual(past.slice(0, 1))
  const quick = await Reader.of(changes)
  // The slow one takes nothing meanwhile: what is kept for all has long gone on.
  const taken = quick.take(40)
  const now = await happen(assistant, 40)
  expect(await taken).toEqual(now)
  expect(await slow.take(89)).toEqual([...past.slice(1), ...now])
  const both = Promise.all([slow.take(1), quick.take(1)])
  const [last] = await happen(assistant, 1)
  expect(await both).toEqual([[last], [last]])
  await Promise.all([slow.leave(), quick.leave()])
})

test('many who are far behind leave room for others, also where nothing they read is for them', async () => {
  const changes = changesWith({ recent: 4, page: 4, reading: 2, heartbeat_ms: 1 })
  const assistant = await made()
  const after = assistant.happened[0]?.position as bigint
  await happen(assistant, 40)
  const filter = { graphId: 'another' }
  const readers = await Promise.all(Array.from({ length: 5 }, () => Reader.of(changes, { after, filter })))
  const before = pages
  let caughtUp = false
  const all = Promise.all(readers.map((reader) => reader.next())).then(() => {
    caughtUp = true
  })
  let mostInOne = 0
  for (let known = pages; !caughtUp; known = pages) {
    await turn()
    mostInOne = Math.max(mostInOne, pages - known)
  }
  await all
  expect(pages - before).toBeGreaterThanOrEqual(5 * 10)
  expect(mostInOne).toBeLessThanOrEqual(2)
  await Promise.all(readers.map((reader) => reader.leave()))
})

test('each position to resume after gives exactly the rest', async () => {
  const changes = changesWith({ recent: 4, page: 3 })
  const assistant = await made()
  const positions = await happen(assistant, 12)
  for (const [n, after] of positions.entries()) {
    const reader = await Reader.of(changes, { after })
    const rest = positions.slice(n + 1)
    expect(await reader.take(rest.length)).toEqual(rest)
    await reader.leave()
  }
})

test('one is told how far they are while nothing is theirs, so that they need not begin far back', async () => {
  const changes = changesWith({ heartbeat_ms: 20 })
  const nobody: Sees = () => false
  const reader = await Reader.of(changes, { sees: nobody })
  const lines = eventStream({ [Symbol.asyncIterator]: () => ({ next: reader.next }) })
  expect((await lines.next()).value).toMatch(/^retry: 1000\nid: \d+\n\n$/)
  await happen(await made(), 2)
  // Of a stream that is no assistant's: also past what nobody is ever told of.
  const noise = { id: randomUUID(), type: 'Noise', data: {}, metadata: {} }
  const { position } = await store.log.append(`fleet.${PROJECT}-noise`, 'no_stream', [noise])
  for (;;) {
    const { value } = await lines.next()
    expect(value).toMatch(/^: still here\nid: \d+\n\n$/)
    if (value?.includes(`id: ${position}\n`)) break
  }
  await reader.leave()
})

test('what goes out of sight is told without a word of what it is now', async () => {
  const changes = changesWith()
  const owner =
    (name: string): Sees =>
    ({ owner }) =>
      owner === name
  const ann = await Reader.of(changes, { sees: owner('ann') })
  const bob = await Reader.of(changes, { sees: owner('bob') })
  const assistant = await made({ metadata: { owner: 'ann' } })
  await assistant.update({ metadata: { owner: 'bob' }, name: 'the secret' }, { reason: 'the secret reason' })
  await assistant.update({ name: 'another secret' })
  await assistant.send({ type: 'delete' })
  await assistant.create({ metadata: { owner: 'ann' } })
  const noticesOf = async (reader: Reader, count: number) => {
    await reader.take(count)
    return reader.told.flatMap(({ notice }) => notice ?? [])
  }
  const annas = await noticesOf(ann, 3)
  expect(annas).toEqual([
    { type: 'change', entry: expect.objectContaining({ type: 'AssistantCreated', generation: 1 }) },
    { type: 'gone', assistantId: assistant.id },
    { type: 'change', entry: expect.objectContaining({ type: 'AssistantCreated', generation: 2 }) },
  ])
  expect(JSON.stringify(annas)).not.toContain('secret')
  const bobs = (await noticesOf(bob, 4)).map((notice) => notice.type === 'change' && notice.entry.type)
  expect(bobs).toEqual(['VersionPromoted', 'ConfigChanged', 'VersionPromoted', 'AssistantDeleted'])
  // What was never theirs does not go from them, of whichever graph it is when it comes.
  const writers = await Reader.of(changes, { sees: owner('bob'), filter: { graphId: 'writer' } })
  const given = await made({ graph_id: 'writer', metadata: { owner: 'ann' } })
  await given.update({ metadata: { owner: 'bob' }, graph_id: 'other' })
  const own = await made({ graph_id: 'writer', metadata: { owner: 'bob' } })
  expect(await noticesOf(writers, 1)).toMatchObject([{ type: 'change', entry: { assistant_id: own.id } }])
  await Promise.all([ann.leave(), bob.leave(), writers.leave()])
})

test('a log that is away is followed again, and what fails otherwise ends the streams and begins anew', async () => {
  const changes = changesWith({ retry_ms: 10 })
  const assistant = await made()
  failures.push(new LogUnavailable('away'), new LogUnavailable('still away'))
  const reader = await Reader.of(changes)
  const taken = reader.take(1)
  expect(await happen(assistant, 1)).toEqual(await taken)
  await reader.leave()
  failures.push(new Error('broken'))
  const unlucky = await Reader.of(changes)
  expect((await unlucky.next()).done).toBe(true)
  const next = await Reader.of(changes)
  const more = next.take(1)
  expect(await happen(assistant, 1)).toEqual(await more)
  await next.leave()
})

test('streams end with their reader, with the service, and after their time', async () => {
  const changes = changesWith({ watchers: 2, life_ms: 50 })
  const one = await Reader.of(changes)
  const ended = one.next()
  one.ending.abort()
  expect((await ended).done).toBe(true)
  const two = await Reader.of(changes)
  expect((await two.next()).done).toBe(true)
  const lasting = changesWith({ watchers: 2 })
  const readers = [await Reader.of(lasting), await Reader.of(lasting)]
  await expect(Reader.of(lasting)).rejects.toMatchObject({ refusal: { code: 'busy' } })
  const all = readers.map((reader) => reader.next())
  lasting.close()
  expect((await Promise.all(all)).every(({ done }) => done)).toBe(true)
  expect(lasting.watching).toBe(0)
})

test('a position that the log does not have is refused', async () => {
  const after = (await store.log.head()) + 1n
  await expect(Reader.of(changesWith(), { after })).rejects.toMatchObject({
    refusal: { code: 'invalid-request', field: 'after' },
  })
})
