// A typed emitter. A listener that throws is reported and harms neither the swap nor the other listeners.

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  /** @returns a function that takes the listener off */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set.add(listener))
    return () => {
      set.delete(listener)
    }
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        ;(listener as (event: Events[Name]) => void)(event)
      } catch (error) {
        process.emitWarning(`a listener for "${String(name)}" threw: ${(error as Error)?.message ?? error}`)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
