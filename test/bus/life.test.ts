// The bus under load, when it stops, and when the broker goes away.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { NatsConnection } from '@nats-io/transport-node'
import type { BusStatus, LedgerBus } from '../../apps/registry/src/bus/ledger-bus.js'
import type { NatsServer } from '../support/nats-server.js'
import { ask, askJson, Desk, makeBus, requester, startBus, startNatsServer } from './bus.support.js'

let server: NatsServer
let client: NatsConnection

beforeAll(async () => {
  server = await startNatsServer()
  client = await requester(server)
})

afterAll(async () => {
  await client?.close()
  await server?.stop()
})

describe('bus - limits', () => {
  test('past running and waiting, the answer is busy at once, in the form of the requester', async () => {
    const { app, bus, desk } = await startBus(server, { limits: { running: 2, queued: 3 } })
    const held = [1, 2, 3, 4, 5].map((n) => askJson(client, 'hold', { n }))
    await desk.reached(2)
    const plain = await askJson(client, 'get', {})
    const packet = await askJson(client, 'get', { pattern: 'get', data: {}, id: 'p' })
    expect(plain).toMatchObject({ error: '429', body: { code: 'busy' } })
    expect(packet.body).toMatchObject({ err: { code: 'busy' }, isDisposed: true, id: 'p' })
    expect(bus.load).toEqual({ running: 2, queued: 3 })
    desk.release()
    expect((await Promise.all(held)).map(({ body }) => body)).toEqual([1, 2, 3, 4, 5].map((n) => ({ n })))
    expect((await askJson(client, 'get', {})).error).toBe('')
    await app.close()
  })

  test('many bytes under way are busy too, but one large request alone is taken', async () => {
    const { app, desk } = await startBus(server, { limits: { admittedBytes: 1_000 } })
    const large = JSON.stringify({ a: 'x'.repeat(5_000) })
    const held = ask(client, 'hold', large)
    await desk.reached(1)
    expect((await askJson(client, 'get', {})).body).toMatchObject({ code: 'busy' })
    desk.release()
    expect((await held).error).toBe('')
    await app.close()
  })

  test('2,000 requests at once: each is answered, by its own answer', async () => {
    const { app } = await startBus(server, { limits: { queued: 2_000 } })
    const answers = await Promise.all(Array.from({ length: 2_000 }, (_, n) => askJson(client, 'get', { n })))
    expect(answers.map(({ body }) => (body as { n: number }).n)).toEqual(answers.map((_, n) => n))
    await app.close()
  })
})

describe('bus - queue group', () => {
  test('two members share the requests, and each is answered once', async () => {
    const one = await startBus(server, {}, new Desk('one'))
    const two = await startBus(server, {}, new Desk('two'))
    const answers = await Promise.all(Array.from({ length: 200 }, () => askJson(client, 'member', {})))
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['one', 'two']))
    expect(one.desk.seen.length + two.desk.seen.length).toBe(200)

    const during = Array.from({ length: 200 }, () => askJson(client, 'member', {}))
    await one.app.close()
    for (const { error } of await Promise.all(during)) expect(error).toBe('')
    expect((await askJson(client, 'member', {})).body).toBe('two')
    await two.app.close()
  })
})

describe('bus - stop', () => {
  test('50 in flight, some of them waiting, are all answered', async () => {
    const { app, desk } = await startBus(server, { limits: { running: 30 } })
    const held = Array.from({ length: 50 }, (_, n) => askJson(client, 'hold', { n }))
    await desk.reached(30)
    const closed = app.close()
    desk.release()
    const answers = await Promise.all(held)
    expect(answers.map(({ body, error }) => [body, error])).toEqual(answers.map((_, n) => [{ n }, '']))
    await closed
    await expect(askJson(client, 'get', {})).rejects.toThrow(/no responders/i)
  })

  test('one whose answer comes later has it, before the connection is closed', async () => {
    const { app, desk } = await startBus(server)
    const held = askJson(client, 'later', { n: 1 })
    await desk.reached(1)
    let isClosed = false
    const closed = app.close().then(() => {
      isClosed = true
    })
    // By the time that the broker has nothing for it any more, it only waits for the answer.
    for (;;) {
      const gone = await askJson(client, 'get', {}).then(
        () => false,
        ({ message }: Error) => /no responders/i.test(message),
      )
      if (gone) break
    }
    await client.flush()
    expect(isClosed).toBe(false)
    desk.release()
    expect((await held).body).toEqual({ n: 1 })
    await closed
  })

  test('an idle bus is gone within 2 s', async () => {
    const { app } = await startBus(server)
    const before = performance.now()
    await app.close()
    expect(performance.now() - before).toBeLessThan(2_000)
  })

  test('a handler that does not end costs its requester the answer, not the stop', async () => {
    const { app, desk } = await startBus(server, { limits: { running: 1, drainMs: 50 } })
    const held = [1, 2].map((n) => askJson(client, 'hold', { n }))
    await desk.reached(1)
    await app.close()
    for (const answer of await Promise.all(held))
      expect(answer).toMatchObject({ error: '503', body: { code: 'unavailable' } })
    desk.release()
    // Who was told that the service stops is not served behind their back.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    expect(desk.seen).toHaveLength(1)
  })

  test('a bus that never found its broker can be stopped', async () => {
    const nowhere = await startNatsServer()
    await nowhere.stop()
    const { app, bus } = await makeBus(nowhere)
    const listening = app.listen().then(
      () => 'listening',
      () => 'given up',
    )
    await statusOf(bus, 'waiting')
    await app.close()
    expect(await listening).toBe('given up')
  })
})

describe('bus - a broker that goes away', () => {
  test('killed and started again while the bus runs: it answers again, and what ran meanwhile is answered', async () => {
    const broker = await startNatsServer()
    const asker = await requester(broker)
    const { app, bus, desk } = await startBus(broker)
    const held = askJson(asker, 'hold', { n: 1 })
    await desk.reached(1)
    const away = statusOf(bus, 'disconnected')
    await broker.kill()
    await away
    const back = statusOf(bus, 'connected')
    await broker.restart()
    await back
    await asker.flush()
    desk.release()
    expect((await held).body).toEqual({ n: 1 })
    expect((await askJson(asker, 'get', { n: 2 })).body).toEqual({ n: 2 })
    await asker.close()
    await app.close()
    await broker.stop()
  })

  test('a bus started first waits for its broker', async () => {
    const broker = await startNatsServer()
    await broker.kill()
    const { app, bus } = await makeBus(broker)
    const listening = app.listen()
    await statusOf(bus, 'waiting')
    await broker.restart()
    await listening
    const asker = await requester(broker)
    expect((await askJson(asker, 'get', { n: 1 })).body).toEqual({ n: 1 })
    await asker.close()
    await app.close()
    await broker.stop()
  })

  test('a stop while the broker is away takes no longer than 2 s, when idle', async () => {
    const broker = await startNatsServer()
    const { app, bus } = await startBus(broker)
    const away = statusOf(bus, 'disconnected')
    await broker.kill()
    await away
    const before = performance.now()
    await app.close()
    expect(performance.now() - before).toBeLessThan(2_000)
    await broker.stop()
  })

  test('a connection that ends for good says so', async () => {
    const { app, bus } = await startBus(server)
    const lost = new Promise((resolve) => bus.on('lost', resolve))
    await bus.unwrap()?.close()
    await lost
    await app.close()
  })
})

/** Resolves when the bus next comes to that state; a `connected` that it is in already does not count. */
function statusOf(bus: LedgerBus, wanted: BusStatus): Promise<void> {
  return new Promise((resolve) => {
    let replaying = true
    const subscription = bus.status.subscribe((status) => {
      if (status !== wanted || (replaying && wanted === 'connected')) return
      resolve()
      queueMicrotask(() => subscription.unsubscribe())
    })
    replaying = false
  })
}
