// One request to a responder, as every figure of commands and queries counts it.
import { setTimeout } from 'node:timers/promises'
import {
  ackStream,
  bucketStream,
  keySubject,
  PUBLISHER_KEY,
  type PublishCheckpoint,
} from '@assistant-ledger/change-feed'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { sampleId } from './samples.js'

const LOOK_EVERY_MS = 100
const decoder = new TextDecoder()

/** The parsed answer; a refusal is an error here. */
export async function request(connection: NatsConnection, subject: string, body: object): Promise<unknown> {
  const reply = await connection.request(subject, JSON.stringify(body), { timeout: 30_000 })
  const text = decoder.decode(reply.data)
  if (reply.headers?.has('Nats-Service-Error')) throw new Error(`${subject} was refused: ${text}`)
  return JSON.parse(text)
}

/** Resolves when all of the log is projected and published: figures are of a service at rest. */
export async function atRest(connection: NatsConnection, project = 'default'): Promise<void> {
  // The newest position of the log is that of a command just now.
  const last = positionOf(await connection.request(...newest(project), { timeout: 30_000 }))
  while (positionOf(await connection.request(`assistants.v1.${project}.count`, '{}')) < last)
    await setTimeout(LOOK_EVERY_MS)
  const manager = await jetstreamManager(connection)
  const subject = keySubject(project, PUBLISHER_KEY)
  for (;;) {
    const checkpoint = await manager.streams.getMessage(bucketStream(project), { last_by_subj: subject })
    if (checkpoint && BigInt(checkpoint.json<PublishCheckpoint>().position) >= last) return
    await setTimeout(LOOK_EVERY_MS)
  }
}

/** Resolves when every report that runners have made is recorded. */
export async function allRecorded(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection)
  for (;;) {
    const { num_pending, num_ack_pending } = await manager.consumers.info(ackStream('default'), 'registry')
    if (num_pending + num_ack_pending === 0) return
    await setTimeout(LOOK_EVERY_MS)
  }
}

const newest = (project: string) =>
  [`assistants.v1.${project}.update`, JSON.stringify({ assistant_id: sampleId(0), promote: false })] as const

const positionOf = (reply: Msg): bigint => BigInt(reply.headers?.get('Ledger-Position') ?? 0)

/** A request to the service. */
export const ask = (connection: NatsConnection, verb: string, body: object): Promise<unknown> =>
  request(connection, `assistants.v1.default.${verb}`, body)
