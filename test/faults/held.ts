// What a runner holds, seen from outside: an assistant as it would run now, and a watch that no assistant is ever
// dropped.
import type { Follower } from './day.js'
import { MARK } from './expectations.js'

export interface Held {
  readonly version: number
  readonly mark: unknown
}

/** The assistant as this runner holds it, undefined when it holds none. */
export function held(follower: Follower, id: string): Held | undefined {
  try {
    const assistant = follower.get(id)
    return assistant && { version: assistant.version, mark: assistant.context[MARK] }
  } catch {
    return undefined
  }
}

const LOOKS_EVERY_MS = 5

/**
 * Looks all the time whether the runner holds every one of these, and listens for what it says it removed.
 * @returns what ends the watch and tells the assistants that were dropped at any moment
 */
export function watchForDrops(follower: Follower, ids: readonly string[]): () => readonly string[] {
  const dropped = new Set<string>()
  const look = () => {
    for (const id of ids) if (held(follower, id) === undefined) dropped.add(id)
  }
  const timer = setInterval(look, LOOKS_EVERY_MS)
  const off = [follower.on('reload', look), follower.on('removed', ({ id }) => void dropped.add(id))]
  return () => {
    clearInterval(timer)
    for (const one of off) one()
    look()
    return [...dropped]
  }
}
