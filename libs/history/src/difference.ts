// The difference of two contents as a person reads it: long texts by their words, tools that came and went, and every
// other value as old and new.
import { type Content, canonical, type JsonObject, type JsonValue } from '@assistant-ledger/assistant'
import { roleIn } from './annotations.js'
import { isObject, pointerPart } from './json-pointers.js'
import { HISTORY_LIMITS } from './limits.js'
import { type Hunk, Words } from './words.js'

/** A part of a content that differs; `pointer` names it (RFC 6901). */
export type Change =
  | { readonly type: 'text'; readonly pointer: string; readonly hunks: readonly Hunk[] }
  | {
      readonly type: 'tools'
      readonly pointer: string
      /** Names. */
      readonly added: readonly string[]
      readonly removed: readonly string[]
      /** Of the same name, and something else about them. */
      readonly changed: readonly string[]
    }
  /** Without `from` it came, without `to` it went. */
  | { readonly type: 'value'; readonly pointer: string; readonly from?: JsonValue; readonly to?: JsonValue }

/**
 * What of a content differs in another one; nothing when they are equal. Of `config.configurable` and `context`, which
 * mirror each other, only the latter is told.
 * @param schema of the context, where it is known
 */
export function changesOf(from: Content, to: Content, schema?: JsonValue): readonly Change[] {
  const comparison = new Comparison(schema)
  comparison.compare(mirrored(from), mirrored(to), '')
  return comparison.changes
}

class Comparison {
  readonly changes: Change[] = []
  private readonly words = new Words()

  constructor(private readonly schema: JsonValue | undefined) {}

  compare(from: JsonValue | undefined, to: JsonValue | undefined, pointer: string): void {
    if (from === to) return
    if (isObject(from) && isObject(to)) {
      for (const key of new Set([...Object.keys(from), ...Object.keys(to)]))
        this.compare(own(from, key), own(to, key), `${pointer}/${pointerPart(key)}`)
      return
    }
    if (from !== undefined && to !== undefined && canonical(from) === canonical(to)) return
    this.changes.push(
      this.tools(from, to, pointer) ?? this.text(from, to, pointer) ?? value(from, to, pointer),
    )
  }

  private text(from: JsonValue | undefined, to: JsonValue | undefined, pointer: string): Change | undefined {
    if (typeof from !== 'string' || typeof to !== 'string') return undefined
    const isLong = (text: string) => text.length >= HISTORY_LIMITS.longText || text.includes('\n')
    if (!isLong(from) && !isLong(to) && this.role(pointer) !== 'prompt') return undefined
    return { type: 'text', pointer, hunks: this.words.between(from, to) }
  }

  private tools(from: JsonValue | undefined, to: JsonValue | undefined, pointer: string): Change | undefined {
    const role = this.role(pointer)
    if (role === 'prompt' || (role !== 'tools' && !/\/(\w*_)?tools$/i.test(pointer))) return undefined
    const before = namesOf(from)
    const after = namesOf(to)
    if (!before || !after) return undefined
    const added = [...after.keys()].filter((name) => !before.has(name))
    const removed = [...before.keys()].filter((name) => !after.has(name))
    const changed = [...after].flatMap(([name, text]) => {
      const old = before.get(name)
      return old === undefined || old === text ? [] : [name]
    })
    // The same ones in another order: shown as what they are.
    if (added.length + removed.length + changed.length === 0) return undefined
    return { type: 'tools', pointer, added, removed, changed }
  }

  private role(pointer: string) {
    const context = '/context'
    return pointer.startsWith(`${context}/`) ? roleIn(this.schema, pointer.slice(context.length)) : undefined
  }
}

const value = (from: JsonValue | undefined, to: JsonValue | undefined, pointer: string): Change => ({
  type: 'value',
  pointer,
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
})

const own = (of: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(of, key) ? of[key] : undefined

/** Tools by name, each with all that is said of it; undefined for what is no list of tools with names of their own. */
function namesOf(tools: JsonValue | undefined): Map<string, string> | undefined {
  if (tools === undefined || tools === null) return new Map()
  if (!Array.isArray(tools)) return undefined
  const names = new Map<string, string>()
  for (const tool of tools) {
    const name = nameOf(tool)
    if (name === undefined || names.has(name)) return undefined
    names.set(name, canonical(tool))
  }
  return names
}

function nameOf(tool: JsonValue): string | undefined {
  if (typeof tool === 'string') return tool
  if (!isObject(tool)) return undefined
  const { name, id, function: called } = tool
  if (typeof name === 'string') return name
  if (isObject(called) && typeof called.name === 'string') return called.name
  return typeof id === 'string' ? id : undefined
}

/** The content without what `context` says too. */
function mirrored(content: Content): JsonObject {
  const { config, context } = content
  const { configurable, ...rest } = config
  const isMirror = isObject(configurable) && canonical(configurable) === canonical(context)
  return { ...content, config: isMirror ? rest : config }
}
