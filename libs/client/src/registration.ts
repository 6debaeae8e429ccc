// Registers the descriptors of a worker's graphs with the registry: at the start, after each connect, and when it is asked
// to, until each is acknowledged. Whatever becomes of that is told as an event and in the status, and harms nothing else.
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Descriptors, type HashedDescriptor, hashed } from './descriptor.js'
import type { Emitter } from './emitter.js'
import type { DescriptorStatus, FollowEvents } from './events.js'
import { registerSubject } from './names.js'
import { whyNoReply } from './no-reply.js'
import type { ReadOptions } from './options.js'
import { isObject, readJson } from './value.js'

const TIMEOUT_MS = 10_000
/** Nobody answers: doubling from the one to the other. A registry of an older version never will. */
const RETRY_MS = 1_000
const RETRY_MOST_MS = 60_000
/** The registry refuses: its langgraph.json may name the graph one day. */
const REFUSED_RETRY_MS = 60_000

interface Answer {
  readonly state: 'waiting' | 'registered' | 'refused'
  readonly detail: string
}

export interface RegistrationOptions {
  readonly of: ReadOptions
  readonly events: Emitter<FollowEvents>
  /** The hashes are known. */
  onHashes(): void
}

export class Registration {
  readonly #options: RegistrationOptions
  readonly #hashed = new Map<string, HashedDescriptor>()
  readonly #statuses = new Map<string, DescriptorStatus>()
  #begun = false
  #prepared: Promise<void> | undefined
  #nc: NatsConnection | undefined
  #round = new AbortController()

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** By graph, for the presence; undefined as long as there are none. */
  get hashes(): Readonly<Record<string, string>> | undefined {
    if (this.#hashed.size === 0) return undefined
    return Object.fromEntries([...this.#hashed].map(([graph, { hash }]) => [graph, hash]))
  }

  get statuses(): readonly DescriptorStatus[] {
    return [...this.#statuses.values()]
  }

  /** From now on: what serving needs comes before. */
  begin(): void {
    this.#begun = true
    this.again()
  }

  attach(nc: NatsConnection): void {
    this.#nc = nc
    this.again()
  }

  detach(): void {
    this.#nc = undefined
    this.#round.abort()
  }

  /** Registers all of them, those that were acknowledged too. */
  again(): void {
    this.#round.abort()
    if (!this.#begun || !this.#nc || !this.#options.of.descriptors) return
    this.#round = new AbortController()
    void this.#register(this.#nc, this.#round.signal)
  }

  close(): void {
    this.#begun = false
    this.detach()
  }

  async #register(nc: NatsConnection, signal: AbortSignal): Promise<void> {
    this.#prepared ??= this.#prepare()
    await this.#prepared
    const left = new Set(this.#hashed.keys())
    for (let retryMs = RETRY_MS; left.size > 0 && !signal.aborted; ) {
      const answered = await this.#once(nc, left, signal)
      const pauseMs = answered ? REFUSED_RETRY_MS : retryMs
      retryMs = answered ? RETRY_MS : Math.min(2 * retryMs, RETRY_MOST_MS)
      if (left.size === 0) return
      // Many runners that lost the registry at the same moment do not ask at the same moment.
      const jittered = pauseMs * (0.5 + Math.random())
      await delay(jittered, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  /** Asks for each; those that are acknowledged leave. @returns whether somebody answers */
  async #once(nc: NatsConnection, left: Set<string>, signal: AbortSignal): Promise<boolean> {
    for (const graph of left) {
      const { descriptor, hash } = this.#hashed.get(graph) as HashedDescriptor
      const { state, detail } = await this.#ask(nc, graph, { descriptor, hash })
      if (signal.aborted) return true
      this.#became({ graph, hash, state, detail })
      if (state === 'waiting') return false
      if (state === 'registered') left.delete(graph)
    }
    return true
  }

  async #ask(nc: NatsConnection, graph: string, { descriptor, hash }: HashedDescriptor): Promise<Answer> {
    const { project, runner } = this.#options.of
    const body = JSON.stringify({ graph_id: graph, runner: runner.name, build: runner.build, descriptor })
    try {
      const reply = await nc.request(registerSubject(project), body, { timeout: TIMEOUT_MS })
      const code = Number(reply.headers?.get('Nats-Service-Error-Code') || 200)
      const said = readJson(reply.data)
      const answer = isObject(said) ? said : {}
      if (code === 200 && answer.hash === hash)
        return { state: 'registered', detail: answer.recorded === true ? 'new' : 'known already' }
      if (code === 200) return { state: 'refused', detail: `it was taken as ${answer.hash}, not ${hash}` }
      return {
        state: code === 429 || code >= 500 ? 'waiting' : 'refused',
        detail: `${answer.code ?? code}: ${answer.detail ?? 'no reason given'}`,
      }
    } catch (cause) {
      return { state: 'waiting', detail: whyNoReply(cause, TIMEOUT_MS) }
    }
  }

  async #prepare(): Promise<void> {
    const { descriptors: given, graphs } = this.#options.of
    try {
      // Whoever awaits the start goes first.
      await turn()
      const descriptors: Descriptors = typeof given === 'function' ? await given() : (given ?? {})
      for (const [graph, descriptor] of Object.entries(descriptors)) {
        await turn()
        try {
          if (!graphs.includes(graph)) throw new Error('it is none of the graphs that are followed here')
          this.#hashed.set(graph, hashed(descriptor))
          this.#became({
            graph,
            hash: this.#hashed.get(graph)?.hash,
            state: 'waiting',
            detail: 'not sent yet',
          })
        } catch (error) {
          this.#failed(graph, error)
        }
      }
    } catch (error) {
      for (const graph of graphs) this.#failed(graph, error)
    }
    if (this.#hashed.size > 0) this.#options.onHashes()
  }

  #failed(graph: string, error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error)
    this.#became({ graph, hash: undefined, state: 'failed', detail })
  }

  /** Told once, however often it is tried. */
  #became(status: DescriptorStatus): void {
    const before = this.#statuses.get(status.graph)
    this.#statuses.set(status.graph, status)
    if (before?.state === status.state && before.detail === status.detail) return
    this.#options.events.emit('descriptor', status)
  }
}
