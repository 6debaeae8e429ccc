// Why something is not served, by assistant id: the last rejection of each, and what took away what is not held. Kept
// for whoever asks later than the event, and bounded, since ids come from outside.
import type { NotHeldReason } from './errors.js'
import type { Rejection } from './events.js'

/** Of each kind; one more pushes out what was said longest ago. */
export const ABSENCES_MOST = 1_000

export interface Absence {
  readonly reason: NotHeldReason
  readonly detail: string
}

export class Absences {
  readonly #rejected = new Map<string, Rejection>()
  readonly #gone = new Map<string, Absence>()

  get rejections(): Rejection[] {
    return [...this.#rejected.values()]
  }

  rejected(rejection: Rejection): void {
    remember(this.#rejected, rejection.id, rejection)
  }

  /** A tombstone or a sweep: an earlier rejection says nothing of what is published now. */
  gone(id: string, absence: Absence): void {
    this.#rejected.delete(id)
    remember(this.#gone, id, absence)
  }

  /** It was swapped in. */
  ended(id: string): void {
    this.#rejected.delete(id)
    this.#gone.delete(id)
  }

  of(id: string): Absence | undefined {
    const rejection = this.#rejected.get(id)
    if (!rejection) return this.#gone.get(id)
    const { refused, reason } = rejection
    const detail =
      refused === undefined
        ? `what is published cannot be used: ${reason}`
        : `${refused} was refused: ${reason}`
    return { reason: 'rejected', detail }
  }
}

function remember<Said>(map: Map<string, Said>, id: string, said: Said): void {
  map.delete(id)
  map.set(id, said)
  if (map.size > ABSENCES_MOST) map.delete(map.keys().next().value ?? '')
}
