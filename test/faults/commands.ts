// Commands as a client sends them over the bus: plain requests, and keyed ones that are sent again under the same key
// until the service has given its answer, whatever dies in between.
import { type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node'
import { pause } from './until.js'

export const PROJECT = 'default'
export const ACTOR = 'faults'

/** An answer that has not come by then is asked for again. */
const ANSWER_TIMEOUT_MS = 2_000
const SEND_AGAIN_MS = 25
/** A keyed command that has no answer by then fails its test. */
const ACKNOWLEDGED_DEADLINE_MS = 60_000
/** Refusals that say nothing of the command: it is to be sent again. */
const AGAIN: readonly string[] = ['busy', 'unavailable']

export interface Assistant {
  readonly assistant_id: string
  readonly graph_id: string
  readonly version: number
  readonly name: string
  readonly context: Record<string, unknown>
  readonly metadata: Record<string, unknown>
}

export interface Answer<Body = Assistant> {
  readonly body: Body
  /** Of the assistant's stream, for commands and for `get`. */
  readonly revision: bigint
  readonly position: bigint
}

/** The service refused, with a code of its registry. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

export interface Keyed {
  readonly verb: string
  readonly key: string
  readonly body: Record<string, unknown>
}

/** @throws Refused on a refusal, the connection's own error when there is no answer */
export async function ask<Body = Assistant>(
  connection: NatsConnection,
  verb: string,
  body: object,
  extra: Record<string, string> = {},
): Promise<Answer<Body>> {
  const headers = natsHeaders()
  headers.set('X-Actor', ACTOR)
  for (const [name, value] of Object.entries(extra)) headers.set(name, value)
  const reply = await connection.request(`assistants.v1.${PROJECT}.${verb}`, JSON.stringify(body), {
    timeout: ANSWER_TIMEOUT_MS,
    headers,
  })
  const answer = reply.json<Body & { code: string; detail: string }>()
  if (reply.headers?.has('Nats-Service-Error')) throw new Refused(answer.code, answer.detail)
  return {
    body: answer,
    revision: BigInt(reply.headers?.get('Ledger-Revision') || -1),
    position: BigInt(reply.headers?.get('Ledger-Position') || 0),
  }
}

/**
 * Sends the command, under its key, until it is acknowledged.
 * @throws Refused on any refusal but `busy` and `unavailable`
 */
export async function askUntilAcknowledged(connection: NatsConnection, command: Keyed): Promise<Answer> {
  const began = performance.now()
  for (;;) {
    try {
      return await ask(connection, command.verb, command.body, { 'Idempotency-Key': command.key })
    } catch (error) {
      if (error instanceof Refused && !AGAIN.includes(error.code)) throw error
      if (performance.now() - began > ACKNOWLEDGED_DEADLINE_MS) {
        throw new Error(`${command.key} was not acknowledged within ${ACKNOWLEDGED_DEADLINE_MS} ms`, {
          cause: error,
        })
      }
      await pause(SEND_AGAIN_MS)
    }
  }
}

/** Runs `work` over all items, at most `inFlight` at once, and ends with the first error of any. */
export async function inParallel<Item>(
  items: readonly Item[],
  inFlight: number,
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next++
      await work(items[index] as Item, index)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}
