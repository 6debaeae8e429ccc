// A double of `followAssistants` for its users' own tests: the same interface, no NATS, swaps by hand.
import { randomUUID } from 'node:crypto'
import { Emitter } from './emitter.js'
import { AssistantNotHeld, PinnedNotFound } from './errors.js'
import type { FollowEvents } from './events.js'
import { type Assistants, readBundled } from './follow.js'
import { type Followed, makeFollowed } from './followed.js'
import { type BundledContent, completed } from './options.js'
import { parseReference } from './reference.js'

export interface StaticAssistants extends Assistants {
  /** Swaps a content in as the assistant's next version and tells the `reload` listeners. */
  set(id: string, content: BundledContent): Followed
  /** Takes an assistant away and tells the `removed` listeners. */
  remove(id: string): void
}

/** @example const assistants = staticAssistants({ [id]: { graph_id: 'writer', context: { model: 'sample' } } }) */
export function staticAssistants(
  contents: Readonly<Record<string, BundledContent>>,
  environment = 'live',
): StaticAssistants {
  const held = new Map(readBundled(contents, environment))
  const ever = new Map([...held.values()].map((followed) => [followed.ref, followed]))
  const events = new Emitter<FollowEvents>()
  const since = performance.now()
  const instance = randomUUID()
  const find = (id: string) => held.get(id.toLowerCase())
  return {
    get(id) {
      const found = find(id)
      if (!found) throw new AssistantNotHeld(id, 'not-published', 'it is not among the static ones')
      return found
    },
    find,
    list: () => [...held.values()],
    async pinned(ref) {
      parseReference(ref)
      const found = ever.get(ref)
      if (!found) throw new PinnedNotFound(ref)
      return found
    },
    on: (name, listener) => events.on(name, listener),
    status: () => ({
      state: 'live',
      ageMs: performance.now() - since,
      connected: false,
      held: held.size,
      graphs: [],
      cache: { state: 'none', detail: 'no cacheDir' },
      checkpoint: undefined,
      checkpointContradiction: undefined,
      instance,
      reports: { waiting: 0, made: 0, dropped: 0 },
      descriptors: [],
      lastError: undefined,
    }),
    rejections: () => [],
    live: async () => true,
    close: async () => events.clear(),
    set(id, content) {
      const before = find(id)
      const assistant = makeFollowed({
        assistantId: id.toLowerCase(),
        generation: before?.generation ?? 1,
        version: (before?.version ?? 0) + 1,
        content: completed(content),
        environment,
        source: 'bundled',
      })
      held.set(assistant.id, assistant)
      ever.set(assistant.ref, assistant)
      events.emit('reload', { id: assistant.id, from: before?.ref, to: assistant.ref, assistant })
      return assistant
    },
    remove(id) {
      const before = find(id)
      if (!before) return
      held.delete(before.id)
      events.emit('removed', { id: before.id, from: before.ref, reason: 'deleted' })
    },
  }
}
