// One request to a responder, as every figure of commands and queries counts it.
import { setTimeout } from 'node:timers/promises'
import {
  bucketStream,
  keySubject,
  PUBLISHER_KEY,
  type PublishCheckpoint,
} from '@assistant-ledger/change-feed'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

const LOOK_EVERY_MS = 100
const decoder = new TextDecoder()

/** The parsed answer; a refusal is an error here. */
export async function request(connection: NatsConnection, subject: string, body: object): Promise<unknown> {
  const reply = await connection.request(subject, JSON.stringify(body), { timeout: 30_000 })
  const text = decoder.decode(reply.data)
  if (reply.headers?.has('Nats-Service-Error')) throw new Error(`${subject} was refused: ${text}`)
  return JSON.parse(text)
}

/** Resolves when everything that the service has projected is published too: figures are of a service at rest. */
export async function published(connection: NatsConnection): Promise<void> {
  const counted = await connection.request('assistants.v1.default.count', '{}')
  const projected = BigInt(counted.headers?.get('Ledger-Position') ?? 0)
  const manager = await jetstreamManager(connection)
  const subject = keySubject('default', PUBLISHER_KEY)
  for (;;) {
    const checkpoint = await manager.streams.getMessage(bucketStream('default'), { last_by_subj: subject })
    if (checkpoint && BigInt(checkpoint.json<PublishCheckpoint>().position) >= projected) return
    await setTimeout(LOOK_EVERY_MS)
  }
}

/** A request to the service. */
export const ask = (connection: NatsConnection, verb: string, body: object): Promise<unknown> =>
  request(connection, `assistants.v1.default.${verb}`, body)
