// Who set each field: a version is made from the one that was live then, so a field comes from the last of its line that
// says something else than the one before. A version that was gone back from is in no line of those after it.
import { type Actor, type Content, canonical, type JsonValue } from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client/reference'
import type { Chronicle, Made } from './chronicle.js'
import { leavesOf } from './json-pointers.js'
import type { Past } from './past.js'

/** A field of a content, and the version that set it. */
export interface Blamed {
  /** JSON pointer; an array is one field, and so is an object without keys. */
  readonly pointer: string
  readonly value: JsonValue
  readonly generation: number
  readonly version: number
  readonly ref: string
  readonly at: string
  readonly actor: Actor
  readonly reason?: string
}

/** A version of a line. */
export type Ancestor = Pick<Made, 'generation' | 'version' | 'at' | 'actor' | 'reason' | 'hash'> & {
  readonly content: Content
}

/**
 * @param line the version itself, then the one that it was made from, and so on; read only as far as needed
 * @param under only the fields at or below this pointer
 */
export async function blame(
  assistantId: string,
  line: AsyncIterable<Ancestor> | Iterable<Ancestor>,
  under = '',
): Promise<Blamed[]> {
  let open: Map<string, string> | undefined
  let setter: Ancestor | undefined
  const set = new Map<string, Ancestor>()
  let values = new Map<string, JsonValue>()
  for await (const ancestor of line) {
    const leaves = leavesOf(ancestor.content as unknown as JsonValue)
    if (!open || !setter) {
      values = new Map([...leaves].filter(([pointer]) => isUnder(pointer, under)))
      open = new Map([...values].map(([pointer, value]) => [pointer, canonical(value)]))
    } else {
      for (const [pointer, text] of open) {
        const value = leaves.get(pointer)
        if (value !== undefined && canonical(value) === text) continue
        set.set(pointer, setter)
        open.delete(pointer)
      }
    }
    setter = ancestor
    if (open.size === 0) break
  }
  return [...values].flatMap(([pointer, value]): Blamed[] => {
    const by = set.get(pointer) ?? setter
    if (!by) return []
    const { generation, version, at, actor, reason, hash: contentHash } = by
    const ref = printReference({ assistantId, generation, version, contentHash })
    return [
      { pointer, value, generation, version, ref, at, actor, ...(reason === undefined ? {} : { reason }) },
    ]
  })
}

/** A version and those that it comes from, newest first. */
export async function* lineOf(past: Past, chronicle: Chronicle, of: Made): AsyncGenerator<Ancestor> {
  for (let made: Made | undefined = of; made; ) {
    yield { ...made, content: await past.contentOf(chronicle, made) }
    made = made.builtOn === undefined ? undefined : chronicle.version(made.generation, made.builtOn)
  }
}

const isUnder = (pointer: string, under: string): boolean =>
  under === '' || pointer === under || pointer.startsWith(`${under}/`)
