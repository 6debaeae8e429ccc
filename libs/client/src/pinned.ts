// The content that a reference names, asked of the service once and proved by its hash. A version never changes, so
// what was proved is kept.
import type { NatsConnection } from '@nats-io/transport-node'
import { contentHash } from './canonical.js'
import { PinnedMismatch, PinnedNotFound, PinnedUnavailable } from './errors.js'
import { type Followed, makeFollowed } from './followed.js'
import { versionSubject } from './names.js'
import { whyNoReply } from './no-reply.js'
import { parseReference, type Reference } from './reference.js'
import { type Content, isContent, isObject, readJson } from './value.js'

const TIMEOUT_MS = 5_000
const KEPT = 256
/** The refusals that speak of the version; a service that lacks the query answers 404 too. */
const UNKNOWN = new Set(['not-found', 'version-not-found'])

export interface PinnedSource {
  readonly project: string
  readonly environment: string
  connection(): NatsConnection | undefined
}

export class PinnedVersions {
  readonly #kept = new Map<string, Followed>()
  readonly #source: PinnedSource

  constructor(source: PinnedSource) {
    this.#source = source
  }

  /** @throws BadReference, PinnedNotFound, PinnedMismatch, PinnedUnavailable */
  async get(ref: string, held: (id: string) => Followed | undefined): Promise<Followed> {
    const wanted = parseReference(ref)
    const here = held(wanted.assistantId)
    if (here?.ref === ref) return here
    const kept = this.#kept.get(ref)
    if (kept) return kept
    const content = await this.#ask(ref, wanted)
    const hash = contentHash(content)
    if (!hash.startsWith(wanted.hash)) throw new PinnedMismatch(ref, hash)
    const { environment } = this.#source
    const found = makeFollowed({ ...wanted, content, contentHash: hash, environment, source: 'pinned' })
    this.#kept.set(ref, found)
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value ?? '')
    return found
  }

  async #ask(ref: string, { assistantId, generation, version }: Reference): Promise<Content> {
    const nc = this.#source.connection()
    if (!nc) throw new PinnedUnavailable(ref, 'there is no connection to NATS')
    const body = JSON.stringify({ assistant_id: assistantId, generation, version })
    const reply = await nc
      .request(versionSubject(this.#source.project), body, { timeout: TIMEOUT_MS })
      .catch((cause: unknown) => {
        throw new PinnedUnavailable(ref, whyNoReply(cause, TIMEOUT_MS), { cause })
      })
    const answer = readJson(reply.data)
    const code = reply.headers?.get('Nats-Service-Error-Code') ?? ''
    if (code === '404' && isObject(answer) && UNKNOWN.has(String(answer.code))) throw new PinnedNotFound(ref)
    if (code !== '') {
      throw new PinnedUnavailable(
        ref,
        `the service refused: ${reply.headers?.get('Nats-Service-Error')} (${code})`,
      )
    }
    if (!isObject(answer) || !isContent(answer)) throw new PinnedUnavailable(ref, 'the answer is no version')
    const { graph_id, name, description, config, context, metadata } = answer
    return { graph_id, name, description, config, context, metadata }
  }
}
