// That a runner says it is there: at once, at each change, every five seconds, and once more when it ends; and by its
// digest what it has reported.
import { createHash } from 'node:crypto'
import type { FollowOptions } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { untilEqual } from '../faults/until.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, type TestPublisher } from './publisher.js'
import { keptAtLeast, Listener, type ReportBody } from './reported.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'
const THREE = '33333333-3333-4333-8333-333333333333'
const DEADLINE_MS = 10_000
const AT_ONCE_MS = 1_000
const TEST_MS = 30_000

interface PresenceBody {
  readonly v: number
  readonly name: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graphs: readonly string[]
  readonly assistants?: readonly string[]
  readonly state: string
  readonly age_ms: number
  readonly count: number
  readonly digest: string
}

/** As docs/wire.md says it, over the last report of each assistant. */
function digestOf(reports: readonly ReportBody[]): string {
  const last = new Map(reports.map((report) => [report.assistant_id, report]))
  const sum = Buffer.alloc(32)
  for (const { assistant_id, revision, status } of last.values()) {
    const hash = createHash('sha256').update(`${assistant_id} ${revision} ${status}`).digest()
    hash.forEach((byte, i) => {
      sum[i] = (sum[i] ?? 0) ^ byte
    })
  }
  return sum.toString('hex')
}

describe('presence', () => {
  let proxy: TcpProxy
  let publisher: TestPublisher
  let presences: Listener<PresenceBody>
  const { start, stop, ...all } = followers({ runner: { name: 'test.eu', build: '4f2c1aa' } })
  const follow = (options: Partial<FollowOptions> = {}) => all.follow({ servers: proxy.url, ...options })
  const isLive = ({ state }: PresenceBody) => state === 'live'

  beforeEach(async () => {
    const ground = await start()
    publisher = ground.publisher
    proxy = await startTcpProxy({ host: '127.0.0.1', port: ground.server.port })
    await publisher.watermark()
    presences = await Listener.on(publisher.nc, 'runners.test=2Eeu')
  })
  afterEach(async () => {
    await stop()
    await proxy.close()
  })

  test('says who, where, what and how', async () => {
    const assistants = await follow()
    const { body } = await presences.first(isLive)
    expect(body).toEqual({
      v: 1,
      name: 'test.eu',
      instance: assistants.status().instance,
      build: '4f2c1aa',
      environment: 'live',
      graphs: [GRAPH],
      state: 'live',
      age_ms: expect.any(Number),
      count: 0,
      digest: '0'.repeat(64),
    })
    expect(Number.isInteger(body.age_ms)).toBe(true)
  })

  test('names the assistants that it follows when those are named', async () => {
    await follow({ assistants: [ONE.toUpperCase()] })
    expect((await presences.first(isLive)).body.assistants).toEqual([ONE])
  })

  test('its digest is over the last report of each assistant, whatever became of it', async () => {
    await publisher.promote(ONE, 1, 0, content('one'))
    await publisher.promote(TWO, 1, 4, content('two'))
    await publisher.promote(THREE, 1, 2, content('three'))
    const assistants = await follow({ validate: (a) => a.context.prompt !== 'forbidden' })
    await publisher.promote(ONE, 2, 1, content('forbidden'))
    await publisher.put(publisher.tombstone(TWO, 5, 'deleted'))
    const reports = await keptAtLeast(publisher.nc, 5)
    const skip = presences.heard.length
    await assistants.close()
    const { body } = await presences.first(({ state }) => state === 'closed', skip)
    expect(body.count).toBe(3)
    expect(body.digest).toBe(digestOf(reports.map(({ body }) => body)))
  })

  test('reports that wait are in it already', async () => {
    await publisher.deleteReports()
    await publisher.promote(ONE, 1, 0, content('one'))
    const { body } = await follow().then(() => presences.first(isLive))
    expect(body.count).toBe(1)
  })

  test(
    'comes every five seconds, with its age',
    async () => {
      publisher.beat()
      await follow()
      const first = await presences.first(isLive)
      const skip = presences.heard.length
      const second = await presences.first(isLive, skip)
      const third = await presences.first(isLive, skip + 1)
      expect(third.at - second.at).toBeGreaterThan(4_500)
      expect(third.at - second.at).toBeLessThan(5_500)
      expect(third.body.age_ms).toBeGreaterThan(second.body.age_ms + 4_500)
      expect(second.body.age_ms).toBeGreaterThan(first.body.age_ms)
    },
    TEST_MS,
  )

  test(
    'comes at each change of state',
    async () => {
      const assistants = await follow()
      const stale = next(assistants, 'state', ({ to }) => to === 'stale')
      await stale
      await presences.first(({ state }) => state === 'stale', 0, AT_ONCE_MS)
      const live = next(assistants, 'state', ({ to }) => to === 'live')
      const skip = presences.heard.length
      await publisher.watermark()
      await live
      const { body } = await presences.first(isLive, skip, AT_ONCE_MS)
      expect(body.age_ms).toBeLessThan(AT_ONCE_MS)
    },
    TEST_MS,
  )

  test(
    'comes at once after a reconnect',
    async () => {
      publisher.beat()
      const assistants = await follow()
      await presences.first(isLive)
      proxy.cut()
      await untilEqual('connected', DEADLINE_MS, () => assistants.status().connected, false)
      const skip = presences.heard.length
      proxy.heal()
      await untilEqual('connected', DEADLINE_MS, () => assistants.status().connected, true)
      await presences.first(() => true, skip, AT_ONCE_MS)
    },
    TEST_MS,
  )

  test('a last one says that it is closed, and two instances of a name are told apart', async () => {
    const one = await follow()
    const two = await follow()
    await one.close()
    const { body } = await presences.first(({ state }) => state === 'closed')
    expect(body).toMatchObject({ instance: one.status().instance, age_ms: 0 })
    await two.close()
    await presences.first(({ state, instance }) => state === 'closed' && instance === two.status().instance)
    const own = presences.heard.filter((heard) => heard.body.instance === one.status().instance)
    expect(own.at(-1)?.body).toBe(body)
  })

  test('closing takes less than 2 s while nothing passes', async () => {
    const assistants = await follow()
    proxy.swallow()
    const began = performance.now()
    await assistants.close()
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
