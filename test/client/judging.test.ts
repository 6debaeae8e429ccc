// What moves a follower to look again, and what does not confirm it: each rule of docs/wire.md by itself, with the
// others kept from doing its work.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection, type SubscriptionOptions } from '@nats-io/transport-node'
import { GraphConsumer } from '../../libs/client/src/consumer.js'
import { Emitter } from '../../libs/client/src/emitter.js'
import { GraphFollower } from '../../libs/client/src/graph-follower.js'
import { Holdings } from '../../libs/client/src/holdings.js'
import { until, untilEqual } from '../faults/until.js'
import type { NatsServer } from '../support/nats-server.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, PROJECT, STREAM, type TestPublisher } from './publisher.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'
const DEADLINE_MS = 10_000
/** Sooner than the probe for want of watermarks, which is after 3 s. */
const AT_ONCE_MS = 2_000
/** The library's own pings take ten seconds and more. */
const SOONER_THAN_PINGS_MS = 8_000
const LONGER_THAN_A_POLL_MS = 46_000
const TEST_MS = 30_000

describe('judging', () => {
  let server: NatsServer
  let publisher: TestPublisher
  const { start, follow, open, stop } = followers()
  /** Counts how often anybody asks for the watermark from now on. */
  const countLooks = async () => {
    const looks = { count: 0 }
    const subject = `$JS.API.DIRECT.GET.${STREAM}.$KV.assistant_configs_${PROJECT}.live.${GRAPH}._watermark`
    publisher.nc.subscribe(subject, {
      callback: () => {
        looks.count++
      },
    })
    await publisher.nc.flush()
    return looks
  }
  const consumer = async () => {
    const jsm = await jetstreamManager(publisher.nc)
    for await (const info of jsm.consumers.list(STREAM)) return info
    throw new Error('there is no consumer')
  }

  beforeEach(async () => {
    ;({ server, publisher } = await start())
    await publisher.promote(ONE, 1, 0, content('one'))
    await publisher.promote(TWO, 1, 0, content('two'))
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    await stop()
  })

  test('its consumer is in the memory of the server, and goes by itself when nobody closes it', async () => {
    await follow()
    const { config } = await consumer()
    expect(config).toMatchObject({ mem_storage: true, inactive_threshold: 30e9, ack_policy: 'none' })
    expect(config.durable_name).toBeUndefined()
  })

  test('a watermark from before what is held takes nothing, though it agrees with the bucket', async () => {
    const assistants = await follow()
    const removed: unknown[] = []
    assistants.on('removed', (event) => removed.push(event))
    await publisher.deleteBucket()
    await publisher.makeBucket()
    publisher.keys.clear()
    publisher.position = 0
    await publisher.promote(ONE, 1, 0, content('one'))
    await untilEqual('keys', DEADLINE_MS, () => assistants.status().graphs[0]?.keys, 1)
    // In stream order, so that what stands before it was judged when it is rejected.
    const rejected = next(assistants, 'rejected')
    await publisher.watermark()
    await publisher.raw(`live.${GRAPH}.last`, '{"v":1')
    await rejected
    expect(removed).toEqual([])
    expect(assistants.list()).toHaveLength(2)
  })

  test('when a heartbeat tells of messages that never came, the watermark is asked for at once', async () => {
    // No other message follows, whose number would show the same.
    await follow()
    const looks = await countLooks()
    const { config, delivered } = await consumer()
    const h = headers(100, 'Idle Heartbeat')
    h.set('Nats-Last-Consumer', String(delivered.consumer_seq + 1_000))
    publisher.nc.publish(config.deliver_subject ?? '', '', { headers: h })
    await until(
      'a look',
      AT_ONCE_MS,
      () => looks.count,
      (count) => count > 0,
    )
  })

  test(
    'a connection over which nothing comes back is broken off before the pings of the library notice',
    async () => {
      const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
      open.push(proxy)
      const assistants = await follow({ servers: proxy.url })
      proxy.swallow()
      await untilEqual('connected', SOONER_THAN_PINGS_MS, () => assistants.status().connected, false)
    },
    TEST_MS,
  )

  test('when a connection is up again, the watermark is asked for at once, also when nothing was lost', async () => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
    open.push(proxy)
    const assistants = await follow({ servers: proxy.url })
    const connected = () => assistants.status().connected
    proxy.cut()
    await untilEqual('connected', DEADLINE_MS, connected, false)
    const looks = await countLooks()
    proxy.heal()
    await untilEqual('connected', DEADLINE_MS, connected, true)
    await until(
      'a look',
      AT_ONCE_MS,
      () => looks.count,
      (count) => count > 0,
    )
  })

  test(
    'a consumer that was made too late to be answered is not left behind',
    async () => {
      const nc = await connect({ servers: server.url, inboxPrefix: '_INBOX_test' })
      open.push(nc)
      const filter = `$KV.assistant_configs_${PROJECT}.live.${GRAPH}.>`
      const opening = GraphConsumer.open(
        nc,
        { stream: STREAM, filter, inboxPrefix: '_INBOX_test' },
        { onDelivery: async () => {}, onGap: () => {}, onGone: () => {} },
      )
      // It is asked, and answers when nobody waits any more.
      process.kill(server.pid, 'SIGSTOP')
      try {
        await expect(opening).rejects.toThrow('timeout')
      } finally {
        process.kill(server.pid, 'SIGCONT')
      }
      // What was asked over this connection is done when it is flushed.
      await nc.flush()
      await untilEqual('consumers', DEADLINE_MS, () => publisher.consumers(), 0)
    },
    TEST_MS,
  )

  describe('a follower by itself', () => {
    let nc: NatsConnection
    let confirmed: number
    /** Of what the server sends to the consumer: how many messages from now on do not arrive. */
    let lost = 0
    const losing = (of: NatsConnection): NatsConnection =>
      new Proxy(of, {
        get(target, name) {
          if (name !== 'subscribe') {
            const found = Reflect.get(target, name)
            return typeof found === 'function' ? found.bind(target) : found
          }
          return (subject: string, { callback, ...options }: SubscriptionOptions) =>
            target.subscribe(subject, {
              ...options,
              callback: (error, msg) => {
                if (msg.data.length > 0 && lost > 0) lost--
                else callback?.(error, msg)
              },
            })
        },
      })
    const attached = async (): Promise<GraphFollower> => {
      nc = await connect({ servers: server.url, inboxPrefix: '_INBOX_test' })
      confirmed = 0
      const holdings = new Holdings({
        environment: 'live',
        graphs: new Set([GRAPH]),
        wanted: undefined,
        validate: undefined,
        events: new Emitter(),
        reports: { happened: () => {}, confirmed: () => {} },
      })
      const follower = new GraphFollower({
        project: PROJECT,
        environment: 'live',
        graph: GRAPH,
        inboxPrefix: '_INBOX_test',
        holdings,
        onChange: (changed) => {
          if (changed === 'confirmed') confirmed++
        },
        onError: () => {},
        onCheckpoint: () => {},
        onHalfOpen: () => {},
      })
      open.push({ close: () => follower.close().then(() => nc.close()) })
      follower.attach(losing(nc))
      return follower
    }
    const start = async (): Promise<GraphFollower> => {
      const follower = await attached()
      await until(
        'confirmed',
        DEADLINE_MS,
        () => confirmed,
        (count) => count > 0,
      )
      return follower
    }

    test('leaves no consumer behind when it is closed while one is being made', async () => {
      const follower = await attached()
      await follower.close()
      expect(await publisher.consumers()).toBe(0)
    })

    test('asks for the watermark when a message skips a number', async () => {
      await start()
      const looks = await countLooks()
      lost = 1
      await publisher.watermark()
      await untilEqual('lost', AT_ONCE_MS, () => lost, 0)
      expect(looks.count).toBe(0)
      await publisher.watermark()
      await until(
        'a look',
        AT_ONCE_MS,
        () => looks.count,
        (count) => count > 0,
      )
    })

    test('asks for the watermark from time to time, also while watermarks come', async () => {
      const follower = await start()
      const looks = await countLooks()
      const now = performance.now.bind(performance)
      jest.spyOn(performance, 'now').mockImplementation(() => now() + LONGER_THAN_A_POLL_MS)
      const before = confirmed
      await publisher.watermark()
      await until(
        'confirmed again',
        DEADLINE_MS,
        () => confirmed,
        (count) => count > before,
      )
      follower.tick(performance.now(), true)
      await until(
        'a look',
        AT_ONCE_MS,
        () => looks.count,
        (count) => count > 0,
      )
      follower.tick(performance.now(), true)
      await nc.flush()
      await publisher.nc.flush()
      expect(looks.count).toBe(1)
    })
  })
})
