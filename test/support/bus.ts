// A plain client of the bus, as anybody would write one: a request, its answer, the headers of both.
import { type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node'

export const REPLY_DEADLINE_MS = 20_000

export interface Reply {
  /** The HTTP number of a refusal, 200 for an answer. */
  readonly status: number
  readonly body: unknown
  /** Reply headers, names lower-cased. */
  readonly headers: Readonly<Record<string, string>>
}

/** An Assistant as the LangGraph API shows it. */
export interface Assistant {
  readonly assistant_id: string
  readonly graph_id: string
  readonly version: number
  readonly name: string
  readonly description: string | null
  readonly config: Record<string, unknown>
  readonly context: Record<string, unknown>
  readonly metadata: Record<string, unknown>
  readonly created_at: string
  readonly updated_at: string
}

export interface BusClient {
  /** Sends a body as JSON, or text and bytes as they are. */
  send(verb: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Sends text as it is: what JSON.stringify would not write. */
  sendText(verb: string, text: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Sends and expects an answer. @throws Error when it is refused */
  ask<T = Assistant>(verb: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>
}

export function busClient(connection: NatsConnection, project = 'default'): BusClient {
  const sendText: BusClient['sendText'] = async (verb, text, sent = {}) => {
    const headers = natsHeaders()
    for (const [name, value] of Object.entries(sent)) headers.set(name, value)
    const message = await connection.request(`assistants.v1.${project}.${verb}`, text, {
      timeout: REPLY_DEADLINE_MS,
      headers,
    })
    const received = [...(message.headers ?? [])].map(([name, values]) => [name.toLowerCase(), values[0]])
    const fields = Object.fromEntries(received) as Record<string, string>
    return {
      status: Number(fields['nats-service-error-code'] ?? 200),
      body: message.json(),
      headers: fields,
    }
  }
  const send: BusClient['send'] = (verb, body, headers) => sendText(verb, JSON.stringify(body), headers)
  return {
    send,
    sendText,
    async ask<T>(verb: string, body: unknown, headers?: Readonly<Record<string, string>>) {
      const { status, body: answer } = await send(verb, body, headers)
      if (status !== 200) throw new Error(`${verb} was refused: ${JSON.stringify(answer)}`)
      return answer as T
    },
  }
}
