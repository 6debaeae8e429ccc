// The registrations of a worker's graphs: from the end of its start, after each connect, and when the registry asks for it.
// Each goes its own way, so that a graph whose descriptor takes long keeps no other waiting.
import { setImmediate as turn } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Emitter } from './emitter.js'
import type { DescriptorStatus, FollowEvents } from './events.js'
import type { ReadOptions } from './options.js'
import { Registration } from './registration.js'

export interface RegistrationsOptions {
  readonly of: ReadOptions
  readonly events: Emitter<FollowEvents>
  /** The hash of one more descriptor is known. */
  onHash(): void
}

export class Registrations {
  readonly #all: readonly Registration[]
  #begun = false
  #nc: NatsConnection | undefined
  #round = new AbortController()

  constructor({ of, events, onHash }: RegistrationsOptions) {
    const hashes = new Set<string>()
    const onChange = (status: DescriptorStatus) => {
      events.emit('descriptor', status)
      if (status.hash === undefined || hashes.has(status.graph)) return
      hashes.add(status.graph)
      onHash()
    }
    const { project, runner, descriptors = {} } = of
    this.#all = Object.entries(descriptors).map(
      ([graph, given]) => new Registration({ project, runner, graph, given, onChange }),
    )
  }

  get statuses(): readonly DescriptorStatus[] {
    return this.#all.flatMap(({ status }) => status ?? [])
  }

  /** By graph, for the presence; undefined as long as there are none. */
  get hashes(): Readonly<Record<string, string>> | undefined {
    const known = this.statuses.flatMap(({ graph, hash }) => (hash === undefined ? [] : [[graph, hash]]))
    return known.length === 0 ? undefined : Object.fromEntries(known)
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
    if (!this.#begun || !this.#nc) return
    this.#round = new AbortController()
    void this.#run(this.#nc, this.#round.signal)
  }

  close(): void {
    this.#begun = false
    this.detach()
  }

  async #run(nc: NatsConnection, signal: AbortSignal): Promise<void> {
    for (const registration of this.#all) {
      // Whoever awaits the start goes first, and whatever else there is to do, between one graph and the next.
      await turn()
      if (signal.aborted) return
      void registration.run(nc, signal)
    }
  }
}
