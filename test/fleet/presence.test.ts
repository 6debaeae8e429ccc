// Who is there, where the bus or the log is not: the part in this process, over a real NATS and a real log.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Digests } from '../../apps/registry/src/fleet/digests.js'
import { FLEET_LIMITS } from '../../apps/registry/src/fleet/limits.js'
import { Presence } from '../../apps/registry/src/fleet/presence.js'
import { FleetLog, fleetId } from '../../apps/registry/src/fleet/record.js'
import { Registrations } from '../../apps/registry/src/graphs/registrations.js'
import { Project } from '../../apps/registry/src/project.js'
import { until, untilEqual } from '../faults/until.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { descriptorNamed } from '../support/descriptor.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

jest.setTimeout(60_000)

const DEADLINE_MS = 10_000

let nats: NatsServer
let connection: NatsConnection
let parts: Parts
let presence: Presence
let fleetLog: FleetLog
let stopping: AbortController
let running: Promise<unknown>

beforeEach(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  parts = await openParts()
  parts.project()
  const { model, log } = parts
  fleetLog = new FleetLog(log, PROJECT)
  presence = new Presence({
    connection,
    project: PROJECT,
    model,
    fleetLog,
    digests: new Digests(model.fleet),
    warn: () => {},
  })
  stopping = new AbortController()
  running = Promise.resolve()
})
afterEach(async () => {
  stopping.abort()
  await running
  await parts.close()
  await connection.close()
  await nats.stop()
})

const begin = () => {
  running = Promise.all([presence.run(stopping.signal), presence.lead(stopping.signal)])
}

function say(name: string, instance: string = randomUUID(), more: object = {}): void {
  const body = { v: 1, name, instance, environment: 'live', graphs: ['writer'], state: 'live', ...more }
  connection.publish(`assistants.v1.${PROJECT}.runners.${name}`, JSON.stringify(body))
}

const count = async (runner: string) =>
  (await parts.model.fleet.runners({ runner, gone: false, limit: 1_000, offset: 0 })).length

test('whoever was there when NATS went, before anybody listened, is not gone', async () => {
  const stay = { runner: 'eu', instance: randomUUID(), environment: 'live', graphs: ['writer'] }
  const at = '2026-01-01T00:00:00.000000+00:00'
  await fleetLog.append(fleetId(PROJECT), { type: 'RunnersJoined', data: { runners: [{ ...stay, at }] } })
  await untilEqual('recorded', DEADLINE_MS, () => count('eu'), 1)
  const statuses = connection.status()[Symbol.asyncIterator]()
  await nats.kill()
  let status = await statuses.next()
  while (status.value?.type !== 'disconnect') status = await statuses.next()
  begin()
  const began = performance.now()
  const elapsed = () => performance.now() - began
  await until('longer than it may be silent', 30_000, elapsed, (ms) => ms > FLEET_LIMITS.silent_ms + 3_000)
  expect(await count('eu')).toBe(1)
})

test('one name has so many places, and leaves the others to others', async () => {
  begin()
  await connection.flush()
  for (let instance = 0; instance < FLEET_LIMITS.instances + 20; instance++) say('mallory')
  say('eu')
  await untilEqual('the other', DEADLINE_MS, () => count('eu'), 1)
  expect(await count('mallory')).toBe(FLEET_LIMITS.instances)
})

test('whoever names a descriptor that is not on record is asked to register it, and not all the time', async () => {
  const registrations = new Registrations(parts.log, parts.model, new Project(PROJECT, new Set(), undefined))
  const request = { graph_id: 'writer', runner: 'eu', descriptor: descriptorNamed('one') as never }
  const { body } = await registrations.register(request, SENDER, request)
  const known = (body as { hash: string }).hash
  const asked: [string, object][] = []
  connection.subscribe(`assistants.v1.${PROJECT}.control.*`, {
    callback: (_error, message) => {
      // They report nothing here, and are asked for that as well.
      if (message.json<{ do: string }>().do === 'register')
        asked.push([message.subject.split('.').at(-1) as string, message.json()])
    },
  })
  begin()
  await connection.flush()
  const beat = (name: string, writer: string) => {
    const instance = randomUUID()
    return () => say(name, instance, { descriptors: { writer } })
  }
  const [eu, us, other] = [beat('eu', known), beat('us', 'a'.repeat(64)), beat('other', 'b'.repeat(64))]
  const runners = () => asked.map(([runner]) => runner)
  const saying =
    (...beats: (() => void)[]) =>
    () => {
      for (const one of beats) one()
      return runners()
    }
  await untilEqual('the one asked', DEADLINE_MS, saying(eu, us), ['us'])
  expect(asked).toEqual([['us', { v: 1, instance: expect.any(String), do: 'register' }]])
  await untilEqual('another asked, and nobody twice', DEADLINE_MS, saying(eu, us, other), ['us', 'other'])
})

const SENDER = { actor: { id: 'eu', verified: false, via: 'nats' } } as const
