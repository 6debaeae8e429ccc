// Registers the descriptor of one graph, until a registry acknowledges it. Whatever becomes of that is told, and harms
// nothing else.
import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { type DescriptorSource, type HashedDescriptor, hashed } from './descriptor.js'
import type { DescriptorStatus } from './events.js'
import { registerSubject } from './names.js'
import { whyNoReply } from './no-reply.js'
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
  readonly project: string
  readonly runner: { readonly name: string; readonly build?: string }
  readonly graph: string
  readonly given: DescriptorSource
  /** Another state or detail, or a hash where there was none. */
  onChange(status: DescriptorStatus): void
}

export class Registration {
  readonly #options: RegistrationOptions
  #made: Promise<HashedDescriptor | undefined> | undefined
  #status: DescriptorStatus | undefined

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** Undefined before the descriptor is made. */
  get status(): DescriptorStatus | undefined {
    return this.#status
  }

  /** Until it is acknowledged, or the signal. The descriptor is made the first time. */
  async run(nc: NatsConnection, signal: AbortSignal): Promise<void> {
    this.#made ??= this.#make()
    const made = await this.#made
    let retryMs = RETRY_MS
    while (made && !signal.aborted) {
      const { state, detail } = await this.#ask(nc, made)
      if (signal.aborted) return
      this.#became({ hash: made.hash, state, detail })
      if (state === 'registered') return
      const pauseMs = state === 'refused' ? REFUSED_RETRY_MS : retryMs
      retryMs = state === 'refused' ? RETRY_MS : Math.min(2 * retryMs, RETRY_MOST_MS)
      // Many runners that lost the registry at the same moment do not ask at the same moment.
      const jittered = pauseMs * (0.5 + Math.random())
      await delay(jittered, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #make(): Promise<HashedDescriptor | undefined> {
    const { given } = this.#options
    try {
      const made = hashed(typeof given === 'function' ? await given() : given)
      this.#became({ hash: made.hash, state: 'waiting', detail: 'not sent yet' })
      return made
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#became({ hash: undefined, state: 'failed', detail })
      return undefined
    }
  }

  async #ask(nc: NatsConnection, { descriptor, hash }: HashedDescriptor): Promise<Answer> {
    const { project, runner, graph } = this.#options
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

  /** Told once, however often it is tried. */
  #became(now: Omit<DescriptorStatus, 'graph'>): void {
    const before = this.#status
    this.#status = { graph: this.#options.graph, ...now }
    if (before?.state === now.state && before.detail === now.detail) return
    this.#options.onChange(this.#status)
  }
}
