// The feed repaired from the log by the service that publishes it.

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import {
  bucketStream,
  configKey,
  eventStream,
  eventStreamConfig,
  keySubject,
} from '../../libs/change-feed/src/index.js'
import { type HttpService, startHttpService } from '../http/service.js'
import { cli, idOf, PROJECT } from './moves.js'

jest.setTimeout(120_000)

let http: HttpService

beforeAll(async () => {
  http = await startHttpService({ SYSTEM_ASSISTANTS: 'no' })
  for (let n = 0; n < 6; n++)
    await http.send('POST', '/assistants', {
      assistant_id: idOf(n),
      graph_id: 'writer',
      name: `Assistant ${n}`,
    })
  await http.send('PATCH', `/assistants/${idOf(5)}`, { name: 'Newest', wait: 'converged', wait_ms: 100 })
})
afterAll(() => http?.stop())

const replay = async (...args: string[]) => {
  const { code, out, err } = await cli(['replay', '--to', 'feed', '--url', http.url, '--json', ...args])
  return { code, err, done: JSON.parse(out.trimEnd().split('\n').at(-1) || 'null') }
}
const subject = (n: number) => keySubject(PROJECT, configKey('live', 'writer', idOf(n)))
const manager = () => jetstreamManager(http.service.connection)
const valueIn = async (n: number) =>
  (await (await manager()).streams.getMessage(bucketStream(PROJECT), { last_by_subj: subject(n) }))?.json<{
    content: { name: string }
  }>()

test('a stream that lacks its newest events gets them; one that has others is made again, when told', async () => {
  const jsm = await manager()
  const client = jetstream(http.service.connection)
  await client.publish(`assistants.v1.${PROJECT}.events.${idOf(0)}`, '{}', {
    headers: (() => {
      const h = headers()
      h.set('Nats-Msg-Id', 'a stranger')
      h.set('Ledger-Position', '999999')
      return h
    })(),
  })
  await jsm.consumers.add(eventStream(PROJECT), { durable_name: 'audit' })
  const standing = async () => {
    const { created, state } = await jsm.streams.info(eventStream(PROJECT))
    return { created, last: state.last_seq, consumers: state.consumer_count }
  }
  const before = await standing()
  const found = await replay()
  expect(found.code).toBe(3)
  // It is refused, and not replaced unasked; nor when it is only asked what would be.
  expect(await standing()).toEqual(before)
  expect(found.done.events.differs).toMatchObject({ sequence: 9 })
  expect(found.done.consumers).toEqual([{ name: 'audit', pending: 9 }])
  const dry = await cli(['replay', '--to', 'feed', '--url', http.url, '--recreate', '--dry-run'])
  expect(dry.out).toContain(
    'would be made again; consumers that lose their place: audit (9 not delivered yet)',
  )
  expect(await standing()).toEqual(before)
  const told = await cli(['replay', '--to', 'feed', '--url', http.url, '--recreate'])
  expect(told.out).toContain('consumers that lose their place: audit (9 not delivered yet)')
  expect(told.code).toBe(0)
  const after = await replay()
  expect([after.code, after.done.events, after.done.consumers]).toEqual([0, { equal: 8, appended: 0 }, []])

  // Made again, empty, behind the publisher's back: all of it is missing at its end.
  await jsm.streams.delete(eventStream(PROJECT))
  await jsm.streams.add(eventStreamConfig(PROJECT))
  const extended = await replay()
  expect(extended.done.events).toEqual({ equal: 0, appended: 8 })
  expect((await replay()).done.events).toEqual({ equal: 8, appended: 0 })
  // And it goes on from there.
  await http.send('PATCH', `/assistants/${idOf(5)}`, { name: 'Later' })
  expect((await replay()).done.events).toEqual({ equal: 10, appended: 0 })
})

test('keys that somebody else wrote are repaired, one by one, and the rest is left alone', async () => {
  await replay()
  const client = jetstream(http.service.connection)
  const wrong = { ...(await valueIn(2)), content: { name: 'Forged' } }
  await client.publish(subject(2), JSON.stringify(wrong))
  expect((await valueIn(2))?.content.name).toBe('Forged')
  const dry = await replay('--dry-run')
  expect(dry.done).toMatchObject({
    keys: { equal: 5, repaired: 1, unknown: 0 },
    events: { equal: 10, appended: 0 },
  })
  expect((await valueIn(2))?.content.name).toBe('Forged')
  const { code, done } = await replay()
  expect([code, done.keys]).toEqual([0, { equal: 5, repaired: 1, unknown: 0 }])
  expect((await valueIn(2))?.content.name).toBe('Assistant 2')
  expect((await replay()).done.keys).toEqual({ equal: 6, repaired: 0, unknown: 0 })
})
