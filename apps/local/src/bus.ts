// The stack's own client of the bus: one request, one answer, a refusal as an error.
import { type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node'

/** An answer that has not come by then counts as none. */
export const REQUEST_TIMEOUT_MS = 10_000

/** The service said no, with a code of its registry. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(`${code}: ${detail}`)
  }
}

export interface Assistant {
  readonly assistant_id: string
  readonly graph_id: string
  readonly version: number
  readonly name: string
  readonly context: { readonly prompt?: string; readonly model?: string }
}

/** Which runners are on a promoted version, and which are not. */
export interface Receipt {
  readonly active: number
  readonly of: number
  readonly rejected: readonly { readonly runner: string; readonly reason: string }[]
  readonly lagging: readonly string[]
  readonly first_ms?: number
  readonly last_ms?: number
  readonly hash: string
  /** What its guard did, and why. */
  readonly taken_back?: { readonly version: number; readonly reason: string }
}

export interface Run {
  readonly output: { readonly text: string }
  readonly ref: string
}

export interface Bus {
  /** @throws Refused with the code of the refusal */
  request<Answer>(verb: string, body: unknown, headers?: Record<string, string>): Promise<Answer>
}

export function busOf(connection: NatsConnection, project: string): Bus {
  return {
    async request(verb, body, extra = {}) {
      const headers = natsHeaders()
      headers.set('X-Actor', 'local')
      for (const [name, value] of Object.entries(extra)) headers.set(name, value)
      const reply = await connection.request(`assistants.v1.${project}.${verb}`, JSON.stringify(body), {
        timeout: REQUEST_TIMEOUT_MS,
        headers,
      })
      const answer = reply.json<unknown>()
      if (reply.headers?.has('Nats-Service-Error')) {
        const { code, detail } = answer as { code: string; detail: string }
        throw new Refused(code, detail)
      }
      return answer as never
    },
  }
}
