// What a worker does when the network, the server or the bucket fails it. Every fault here is injected: a proxy
// that swallows and cuts, a server that is killed, a bucket that is deleted and half filled.

import type { FollowOptions } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import type { NatsServer } from '../support/nats-server.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, PROJECT, type TestPublisher } from './publisher.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'
const CONVERGED_WITHIN_MS = 5_000
const TEST_MS = 60_000

describe('cuts', () => {
  let server: NatsServer
  let proxy: TcpProxy
  let publisher: TestPublisher
  const { start, open, stop, ...all } = followers({ initTimeoutMs: 10_000 })
  const follow = (options: Partial<FollowOptions> = {}) => all.follow({ servers: proxy.url, ...options })

  beforeEach(async () => {
    ;({ server, publisher } = await start())
    proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
  })
  afterEach(async () => {
    await stop()
    await proxy.close()
  })

  test(
    'a last message that was lost is found within 5 s of healing, without another write',
    async () => {
      await publisher.promote(ONE, 1, 0, content('before'))
      const assistants = await follow()
      proxy.swallow()
      await publisher.promote(ONE, 2, 1, content('during'))
      proxy.cut()
      const reload = next(assistants, 'reload')
      const healed = performance.now()
      proxy.heal()
      await reload
      expect(performance.now() - healed).toBeLessThan(CONVERGED_WITHIN_MS)
      expect(assistants.get(ONE).version).toBe(2)
    },
    TEST_MS,
  )

  test(
    'a plain watch misses that message',
    async () => {
      await publisher.promote(ONE, 1, 0, content('before'))
      const nc = await connect({ servers: proxy.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
      open.push(nc)
      const kv = await new Kvm(nc).open(`assistant_configs_${PROJECT}`)
      const watch = await kv.watch({ key: `live.${GRAPH}.${ONE}` })
      const versions: number[] = []
      let seen = () => {}
      const watching = (async () => {
        for await (const entry of watch) {
          versions.push(entry.json<{ version: number }>().version)
          seen()
        }
      })()
      const arrived = (version: number) =>
        new Promise<void>((resolve) => {
          seen = () => versions.includes(version) && resolve()
          seen()
        })
      await arrived(1)
      proxy.swallow()
      await publisher.promote(ONE, 2, 1, content('during'))
      proxy.cut()
      proxy.heal()
      for await (const status of nc.status()) if (status.type === 'reconnect') break
      // Longer than the client above is given; an answered request shows that the connection does work.
      await new Promise((resolve) => setTimeout(resolve, CONVERGED_WITHIN_MS + 1_000))
      expect((await kv.get(`live.${GRAPH}.${ONE}`))?.json()).toMatchObject({ version: 2 })
      expect(versions).toEqual([1])
      watch.stop()
      await watching
    },
    TEST_MS,
  )

  test(
    'a connection that is open but dead is replaced within 5 s of the network healing',
    async () => {
      await publisher.promote(ONE, 1, 0, content('before'))
      publisher.beat()
      const assistants = await follow()
      proxy.swallow()
      await publisher.promote(ONE, 2, 1, content('during'))
      await next(assistants, 'state', ({ to }) => to === 'stale')
      const reload = next(assistants, 'reload')
      const live = next(assistants, 'state', ({ to }) => to === 'live')
      const healed = performance.now()
      proxy.heal()
      await Promise.all([reload, live])
      expect(performance.now() - healed).toBeLessThan(CONVERGED_WITHIN_MS)
    },
    TEST_MS,
  )

  test(
    'a killed server takes the consumer with it, and another one is made',
    async () => {
      await publisher.promote(ONE, 1, 0, content('x'))
      const assistants = await follow()
      const publisherIsBack = publisher.reconnected()
      await server.kill()
      await server.restart()
      await publisherIsBack
      const reload = next(assistants, 'reload')
      await publisher.promote(TWO, 1, 0, content('after the restart'))
      expect((await reload).id).toBe(TWO)
      expect(assistants.get(ONE).version).toBe(1)
    },
    TEST_MS,
  )

  test(
    'a bucket that is deleted, empty or half filled takes nothing away; a watermark that is far enough does',
    async () => {
      await publisher.promote(ONE, 1, 0, content('one'))
      await publisher.promote(TWO, 1, 0, content('two'))
      const assistants = await follow()
      const removed: string[] = []
      assistants.on('removed', ({ id }) => removed.push(id))
      const reached = publisher.position

      await publisher.deleteBucket()
      await publisher.makeBucket()
      publisher.keys.clear()
      // Half filled, and with a watermark from before what this client has seen.
      publisher.position = 0
      const reload = next(assistants, 'reload', ({ id }) => id === ONE)
      await publisher.promote(ONE, 1, 0, content('one'))
      publisher.position = reached
      await publisher.put(publisher.value(ONE, 2, 1, content('one again')))
      await reload
      expect(removed).toEqual([])
      expect(assistants.list()).toHaveLength(2)

      const gone = next(assistants, 'removed')
      await publisher.watermark()
      expect(await gone).toMatchObject({ id: TWO, reason: 'unknown' })
      expect(assistants.list().map(({ id }) => id)).toEqual([ONE])
    },
    TEST_MS,
  )

  test(
    'the values of another log win, once its watermark is there, and what it does not have goes',
    async () => {
      await publisher.promote(ONE, 7, 20, content('old log'))
      await publisher.promote(TWO, 7, 20, content('old log'))
      const assistants = await follow()
      publisher.logId = 'log-2'
      publisher.position = 0
      publisher.keys.delete(`live.${GRAPH}.${TWO}`)
      await publisher.deleteBucket()
      await publisher.makeBucket()
      const reload = next(assistants, 'reload')
      const gone = next(assistants, 'removed')
      await publisher.promote(ONE, 1, 0, content('new log'))
      expect(await reload).toMatchObject({ id: ONE })
      expect(await gone).toMatchObject({ id: TWO })
      expect(assistants.get(ONE).context).toEqual({ prompt: 'new log' })
    },
    TEST_MS,
  )

  test(
    'a check that outlives its snapshot takes nothing back from the next one',
    async () => {
      await publisher.promote(ONE, 1, 0, content('first'))
      let pass = () => {}
      let began = () => {}
      const checking = new Promise<void>((resolve) => {
        began = resolve
      })
      const assistants = await follow({
        validate: ({ version }) => {
          if (version !== 2) return true
          began()
          return new Promise<true>((resolve) => {
            pass = () => resolve(true)
          })
        },
      })
      const swaps: string[] = []
      assistants.on('reload', ({ assistant }) => swaps.push(`${assistant.context.prompt}`))
      await publisher.promote(ONE, 2, 1, content('slow to check'))
      await checking
      const reload = next(assistants, 'reload')
      await publisher.promote(ONE, 3, 2, content('third'))
      await publisher.deleteConsumers()
      await reload
      pass()
      const after = next(assistants, 'reload', ({ id }) => id === TWO)
      await publisher.promote(TWO, 1, 0, content('after it'))
      await after
      expect(assistants.get(ONE).version).toBe(3)
      expect(swaps).toEqual(['third', 'after it'])
    },
    TEST_MS,
  )

  test('closing takes less than 2 s, also while NATS is away', async () => {
    await publisher.promote(ONE, 1, 0, content('x'))
    const assistants = await follow()
    proxy.cut()
    const began = performance.now()
    await assistants.close()
    proxy.swallow()
    const never = await follow({ initTimeoutMs: 10 })
    await never.close()
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
