// `--set context.model=sample-deep`: one place of a content, named by its path.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { isObject, parseDocument, saidOnce, type Written } from './content.js'
import { usage } from './failure.js'
import { CONTENT_FIELDS } from './service/shapes.js'
import { readText } from './text-file.js'

/** The options, each of which may be there several times. */
export interface Assignments {
  /** `path=value`, the value read as YAML: `7`, `true`, `[a, b]`, `text`. */
  readonly set?: readonly string[]
  /** `path=file`, the value being the text of the file. */
  readonly setFile?: readonly string[]
  readonly unset?: readonly string[]
}

export const hasAssignments = ({ set, setFile, unset }: Assignments): boolean =>
  [set, setFile, unset].some((given) => given !== undefined && given.length > 0)

/** @returns a copy with the places changed, in the order unset, set, set-file @throws Failure */
export async function assign(content: Written, { set, setFile, unset }: Assignments): Promise<Written> {
  const changed = structuredClone(saidOnce(content)) as JsonObject
  for (const path of unset ?? []) remove(changed, placeIn(changed, path), path)
  for (const text of set ?? []) {
    const [path, value] = split(text, '--set')
    place(changed, placeIn(changed, path), (await parseDocument(value, `--set ${path}`)) as JsonValue, path)
  }
  for (const text of setFile ?? []) {
    const [path, file] = split(text, '--set-file')
    place(changed, placeIn(changed, path), (await readText(file)).replace(/\n$/, ''), path)
  }
  return changed as Written
}

function split(text: string, option: string): [path: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1)
    throw usage(`${option} takes path=value, such as context.model=sample-deep; not ${JSON.stringify(text)}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** `a.b.0`; a dot within a name is `\.`. */
export function partsOf(path: string): string[] {
  const parts = path.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))
  const [field = ''] = parts
  if (!(CONTENT_FIELDS as readonly string[]).includes(field) || parts.includes(''))
    throw usage(`${JSON.stringify(path)} is no path; one begins with one of ${CONTENT_FIELDS.join(', ')}`)
  return parts
}

/** `config.configurable` and the context are one thing, which is in the context unless somebody made them two. */
function placeIn(content: JsonObject, path: string): string[] {
  const [field = '', part, ...rest] = partsOf(path)
  const isContext = field === 'config' && part === 'configurable'
  if (isContext && !(isObject(content.config) && isObject(content.config.configurable)))
    return ['context', ...rest]
  return part === undefined ? [field] : [field, part, ...rest]
}

type Holder = { [name: string]: JsonValue }

function place(content: JsonObject, parts: readonly string[], value: JsonValue, path: string): void {
  let at = content as Holder
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1
    if (Array.isArray(at)) checkNumber(at, part, `${path}: ${parts.slice(0, index).join('.')}`)
    const next = Object.hasOwn(at, part) ? at[part] : undefined
    // A property of the prototype is no place in a document.
    const put = (given: JsonValue) =>
      Object.defineProperty(at, part, { value: given, enumerable: true, writable: true, configurable: true })
    if (isLast) put(value ?? null)
    else if (isObject(next) || Array.isArray(next)) at = next as Holder
    else if (next === undefined || next === null) {
      put(beginning(parts[index + 1] ?? '', `${path}: ${parts.slice(0, index + 1).join('.')}`))
      at = at[part] as Holder
    } else throw usage(`${path}: ${parts.slice(0, index + 1).join('.')} is a value that has no places in it`)
  })
}

/** A list has no gaps. @throws Failure */
function checkNumber({ length }: readonly JsonValue[], part: string, where: string): void {
  if (!/^\d+$/.test(part)) throw usage(`${where} is a list; name a place in it by its number`)
  if (Number(part) > length) throw usage(`${where} has ${length}, so that the next one is ${length}`)
}

/** What is made where nothing is yet: a list for its first place, else fields. @throws Failure for a later place */
function beginning(next: string, where: string): JsonValue {
  if (next === '0') return []
  if (/^\d+$/.test(next))
    throw usage(
      `${where} is not there yet; a list begins with 0, and fields called so are given as {${next}: …}`,
    )
  return {}
}

function remove(content: JsonObject, parts: readonly string[], path: string): void {
  if (parts[0] === 'metadata')
    throw usage('metadata is merged, so that nothing can be taken out of it; set it to null instead')
  let at: JsonValue | undefined = content
  for (const part of parts.slice(0, -1)) at = isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined
  const last = parts.at(-1) ?? ''
  if (!isObject(at) || !Object.hasOwn(at, last)) throw usage(`there is no ${path} to take away`)
  // A field that is not said stays as it is.
  if (parts.length === 1) (at as Holder)[last] = isObject(at[last]) ? {} : ''
  else delete (at as Holder)[last]
}
