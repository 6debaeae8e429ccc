// One request, one answer, over a real broker: whoever answers first has answered.
import { refuse } from '@assistant-ledger/assistant'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { BusReply } from '../../apps/registry/src/bus/contract.js'
import { Exchange } from '../../apps/registry/src/bus/exchange.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { requester } from './bus.support.js'

let server: NatsServer
let service: NatsConnection
let client: NatsConnection

beforeAll(async () => {
  server = await startNatsServer()
  service = await requester(server)
  client = await requester(server)
})

afterAll(async () => {
  await client?.close()
  await service?.close()
  await server?.stop()
})

const reply = (exchange: Exchange) => exchange.reply(new BusReply('done'))
const giveUp = (exchange: Exchange) => exchange.refuse(refuse('unavailable', 'the service is stopping'))

test.each([
  ['a handler that ends after the bus gave up on it', giveUp, reply, { code: 'unavailable' }],
  ['a bus that gives up on what is answered', reply, giveUp, 'done'],
  ['a second reply', reply, reply, 'done'],
  ['a second refusal', giveUp, giveUp, { code: 'unavailable' }],
])('%s sends nothing more', async (what, first, second, answer) => {
  const subject = `asked.${what.replaceAll(' ', '_')}`
  const asked = new Promise<Msg>((resolve) => {
    service.subscribe(subject, { max: 1, callback: (_, message) => resolve(message) })
  })
  await service.flush()
  const inbox = `answers.${subject}`
  const answers: unknown[] = []
  client.subscribe(inbox, { callback: (_, message) => void answers.push(message.json()) })
  client.publish(subject, '{}', { reply: inbox })
  const exchange = new Exchange(await asked, service)
  first(exchange)
  second(exchange)
  await service.flush()
  // What the broker had for the client before this is there when it has answered.
  await client.flush()
  expect(answers).toEqual([typeof answer === 'string' ? answer : expect.objectContaining(answer)])
})
