// What runners said, as the registry finds it: the reports that JetStream keeps, and everything that came by on the
// subjects of reports and presence, with a wait for each.
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { until } from '../faults/until.js'
import { PROJECT, REPORTS } from './publisher.js'

const DEADLINE_MS = 10_000

/** The body of a report, as docs/wire.md has it. */
export interface ReportBody {
  readonly v: number
  readonly runner: string
  readonly instance: string
  readonly build?: string
  readonly environment: string
  readonly graph: string
  readonly assistant_id: string
  readonly log_id: string
  readonly epoch: number
  readonly revision: number
  readonly generation?: number
  readonly version?: number
  readonly hash?: string
  readonly status: 'active' | 'rejected' | 'removed'
  readonly reason?: string
}

export interface Kept {
  readonly subject: string
  readonly id: string
  readonly body: ReportBody
}

/** The reports in the stream, oldest first. */
export async function kept(nc: NatsConnection): Promise<Kept[]> {
  const { streams } = await jetstreamManager(nc)
  const { first_seq, last_seq } = (await streams.info(REPORTS)).state
  const found: Kept[] = []
  for (let seq = Math.max(first_seq, 1); seq <= last_seq; seq++) {
    const message = await streams.getMessage(REPORTS, { seq })
    if (message) {
      const id = message.header?.get('Nats-Msg-Id') ?? ''
      found.push({ subject: message.subject, id, body: message.json<ReportBody>() })
    }
  }
  return found
}

/** As `kept`, once there are so many. @throws Error with how many there were, when there are not in time */
export async function keptAtLeast(nc: NatsConnection, count: number): Promise<Kept[]> {
  const { streams } = await jetstreamManager(nc)
  const messages = async () => (await streams.info(REPORTS)).state.messages
  await until(`${count} reports`, DEADLINE_MS, messages, (found) => found >= count)
  return kept(nc)
}

/** `<status> <revision>` of each, for what a test says about order. */
export const inShort = (reports: readonly { readonly body: ReportBody }[]): string[] =>
  reports.map(({ body }) => `${body.status} ${body.revision}`)

export interface Heard<Body> {
  readonly id: string | undefined
  readonly body: Body
  readonly at: number
  readonly reply: string
}

/** Hears a subject from now on. */
export class Listener<Body> {
  readonly heard: Heard<Body>[] = []

  private constructor() {}

  static async on<Body>(
    nc: NatsConnection,
    subject: string,
    onEach: (heard: Heard<Body>) => void = () => {},
  ): Promise<Listener<Body>> {
    const listener = new Listener<Body>()
    nc.subscribe(`assistants.v1.${PROJECT}.${subject}`, {
      callback: (_, msg) => {
        const id = msg.headers?.get('Nats-Msg-Id')
        const heard = { id, body: msg.json<Body>(), at: performance.now(), reply: msg.reply ?? '' }
        listener.heard.push(heard)
        onEach(heard)
      },
    })
    await nc.flush()
    return listener
  }

  /** The first that was heard and is wanted, of those after the first `skip`. */
  async first(wanted: (body: Body) => boolean, skip = 0, deadlineMs = DEADLINE_MS): Promise<Heard<Body>> {
    const find = () => this.heard.slice(skip).find(({ body }) => wanted(body))
    const { answer } = await until('a message', deadlineMs, find, (found) => found !== undefined)
    return answer as Heard<Body>
  }
}
