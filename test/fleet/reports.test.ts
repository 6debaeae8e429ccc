// Which reports are recorded by now, as a real JetStream says.

import { ackStream, ensureAssets } from '@assistant-ledger/change-feed'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Digests } from '../../apps/registry/src/fleet/digests.js'
import { FleetLog } from '../../apps/registry/src/fleet/record.js'
import { Reports } from '../../apps/registry/src/fleet/reports.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

jest.setTimeout(60_000)

const STREAM = ackStream(PROJECT)

let nats: NatsServer
let connection: NatsConnection
let parts: Parts
let reports: Reports

beforeEach(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url })
  await ensureAssets(connection, PROJECT)
  parts = await openParts()
  const { model, log } = parts
  const of = { connection, project: PROJECT, log, model, digests: new Digests(model.fleet), warn: () => {} }
  reports = new Reports({ ...of, fleetLog: new FleetLog(log, PROJECT) })
})
afterEach(async () => {
  await parts.close()
  await connection.close()
  await nats.stop()
})

const report = () => jetstream(connection).publish(`assistants.v1.${PROJECT}.acks.eu.a`, '{}')

test('what came before a moment counts as recorded when it is, whatever has come since', async () => {
  const manager = await jetstreamManager(connection)
  await manager.consumers.add(STREAM, { durable_name: 'registry', ack_policy: AckPolicy.Explicit })
  const consumer = await jetstream(connection).consumers.get(STREAM, 'registry')
  await report()
  const newest = (await reports.newest()) as number
  expect(await reports.areRecorded(newest)).toBe(false)
  const message = await consumer.next({ expires: 5_000 })
  expect(await reports.areRecorded(newest)).toBe(false)
  await message?.ackAck()
  await report()
  expect(await reports.areRecorded(newest)).toBe(true)
  expect(await reports.areRecorded(newest + 1)).toBe(false)
})

test('while JetStream does not say, nothing counts as recorded', async () => {
  await (await jetstreamManager(connection)).streams.delete(STREAM)
  expect(await reports.newest()).toBeUndefined()
  expect(await reports.areRecorded(0)).toBe(false)
})
