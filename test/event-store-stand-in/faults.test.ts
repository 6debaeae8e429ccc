// What goes wrong on demand, as the real client sees it.
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { Watched } from './follow.js'
import { event, events, failure, freshStream, revisions, Server } from './observe.js'
import { rawBatch } from './raw-batch.js'

jest.setTimeout(60_000)

const CLASSIC = { credentials: { username: 'nobody', password: 'nothing' } }

let standIn: StandIn
let server: Server

beforeAll(async () => {
  standIn = await startStandIn({ slow: 'fall-behind' })
})

afterAll(() => standIn.stop())

beforeEach(() => {
  server = new Server(standIn.url)
})

afterEach(() => server.close())

const answer = (promise: Promise<unknown>) => promise.then(() => 'written', failure)
const left = (stream: string) => revisions(server.client.readStream(stream))
const follow = () => new Watched(server.subscriber.subscribeToAll({ fromPosition: 'end' }), () => undefined)

test('an append that hangs is not written, and the next one is none the worse', async () => {
  const stream = freshStream()
  const hang = await standIn.fault('hang-append', { times: 1 })
  const hung = answer(server.client.appendToStream(stream, event(), { ...CLASSIC, deadline: 300 }))
  await hang.struck()
  expect(await hung).toBe('deadline-exceeded')
  expect(await answer(server.append(stream, events(1), 'no_stream'))).toBe('written')
  expect(await left(stream)).toBe('0')
})

test('an append whose reply is dropped is written, and sent again gives its first outcome', async () => {
  const [stream, sent] = [freshStream(), events(2)]
  const drop = await standIn.fault('drop-reply', { times: 1 })
  const options = { ...CLASSIC, expectedRevision: 'no_stream', deadline: 300 } as const
  const dropped = answer(server.client.appendToStream(stream, sent, options))
  await drop.struck()
  expect(await dropped).toBe('deadline-exceeded')
  expect(await left(stream)).toBe('0 1')
  const { nextExpectedRevision } = await server.append(stream, sent, 'no_stream')
  expect(nextExpectedRevision).toBe(1n)
  expect(await left(stream)).toBe('0 1')
})

test('a batch append is answered twice', async () => {
  await standIn.fault('duplicate-reply', { times: 1 })
  const id = '6f1c9a1e-3b0e-4d56-9d55-0d2a5f4f7c11'
  expect(await rawBatch(standIn.url, freshStream(), id)).toEqual(['Success', 'Success'])
})

test('replies come late, until that is taken back', async () => {
  const late = await standIn.fault('delay-replies', { ms: 400 })
  const began = performance.now()
  await server.append(freshStream(), events(1), 'no_stream')
  expect(performance.now() - began).toBeGreaterThanOrEqual(399)
  await late.struck()
  await late.takeBack()
  const again = await standIn.fault('delay-replies', { ms: 400 })
  await again.takeBack()
  expect(
    await Promise.race([late.struck(2), answer(server.append(freshStream(), events(1), 'no_stream'))]),
  ).toBe('written')
})

test('the capabilities fail once, and the client fails for ever', async () => {
  await standIn.fault('features-internal', { times: 1 })
  const append = () => answer(server.client.appendToStream(freshStream(), event()))
  expect([await append(), await append()]).toEqual(['code 13', 'code 13'])
  expect(await left(freshStream())).toBe('stream-not-found')
  await server.close()
  server = new Server(standIn.url)
  expect(await append()).toBe('written')
})

test('unavailable', async () => {
  const away = await standIn.fault('unavailable')
  expect(await answer(server.append(freshStream(), events(1), 'any'))).toBe('unavailable')
  expect(await answer(server.client.appendToStream(freshStream(), event()))).toBe('code 14')
  expect(await left(freshStream())).toBe('unavailable')
  await away.takeBack()
  expect(await answer(server.append(freshStream(), events(1), 'any'))).toBe('written')
})

test('not the leader, which is elsewhere', async () => {
  await standIn.fault('not-leader', { times: 1, leader: { host: '127.0.0.1', port: standIn.port } })
  const refused = await server.append(freshStream(), events(1), 'any').catch((error) => error)
  expect([refused.type, refused.leader]).toEqual(['not-leader', { address: '127.0.0.1', port: standIn.port }])
  expect(await answer(server.append(freshStream(), events(1), 'any'))).toBe('written')
})

test('the whole log is refused, streams are not', async () => {
  const refusal = await standIn.fault('refuse-all')
  expect(await revisions(server.client.readAll({ maxCount: 1 }))).toBe('access-denied')
  expect(await follow().until('access-denied')).toBe('access-denied')
  expect(await left(freshStream())).toBe('stream-not-found')
  await refusal.takeBack()
  expect(await revisions(server.client.readAll({ maxCount: 1 }))).toBe('0')
})

test('subscriptions end quietly', async () => {
  const watched = follow()
  await watched.until('caughtUp')
  await standIn.fault('end-subscriptions')
  expect(await watched.until('end')).toBe('confirmation caughtUp end')
})

test('subscriptions end as too slow', async () => {
  const watched = follow()
  await watched.until('caughtUp')
  await standIn.fault('abort-subscriptions')
  expect(await watched.until('timeout')).toBe('confirmation caughtUp timeout')
})

test('connections are cut, and made anew', async () => {
  const watched = follow()
  await watched.until('caughtUp')
  await standIn.fault('kill-sockets')
  expect(await watched.until('unavailable')).toBe('confirmation caughtUp unavailable')
  expect(await revisions(new Server(standIn.url).client.readStream(freshStream()))).toBe('stream-not-found')
})

test('a subscriber that is too slow falls behind and catches up, as since 24.2', async () => {
  const stream = freshStream()
  const subscription = server.subscriber.subscribeToAll({ fromPosition: 'end' })
  const revisionsSeen: bigint[] = []
  const watched = new Watched(subscription, (_, revision) => void revisionsSeen.push(revision) as undefined)
  await watched.until('caughtUp')
  subscription.pause()
  const text = 'x'.repeat(10_000)
  for (let i = 0; i < 10; i++)
    await server.append(
      stream,
      Array.from({ length: 50 }, () => event({ text })),
      'any',
    )
  subscription.resume()
  await watched.until('fellBehind')
  await watched.until(() => revisionsSeen.length === 500)
  expect(revisionsSeen).toEqual(Array.from({ length: 500 }, (_, i) => BigInt(i)))
  await watched.stop()
})
