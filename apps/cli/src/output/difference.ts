// What is different between two contents: parameters as old → new, texts as hunks of words, lists as what came and went.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import type { ChalkInstance } from 'chalk'
import { equal, isObject } from '../content.js'

/** One place that is different; an absent side has no such place. */
export interface Change {
  /** `context.model` */
  readonly path: string
  readonly before?: JsonValue
  readonly after?: JsonValue
}

/** A text this long, or with lines, is shown as words that came and went. */
const LONG_TEXT = 60
/** So many characters beside what is different are shown. */
const BESIDE = 40
/** A difference of words that takes longer is shown as both texts whole. */
const WORDS_MS = 1_000

export function changesBetween(before: object | undefined, after: object | undefined): Change[] {
  const changes: Change[] = []
  compare([], before as JsonObject | undefined, after as JsonObject | undefined, changes)
  return changes
}

function compare(
  path: readonly string[],
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  changes: Change[],
): void {
  if (equal(before, after)) return
  const [one, other] = [before ?? undefined, after ?? undefined].map((value) =>
    isObject(value) ? value : undefined,
  )
  const isOneObject = (one !== undefined || isNothing(before)) && (other !== undefined || isNothing(after))
  if (isOneObject && (one ?? other) !== undefined && !isEmptyObject(one ?? other)) {
    for (const name of new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})]))
      compare([...path, name.replaceAll('.', '\\.')], own(one, name), own(other, name), changes)
    return
  }
  if (isNothing(before) && isNothing(after)) return
  changes.push({
    path: path.join('.'),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  })
}

const own = (object: JsonObject | undefined, name: string) =>
  object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined
const isNothing = (value: JsonValue | undefined) => value === undefined
const isEmptyObject = (value: JsonObject | undefined) =>
  value !== undefined && Object.keys(value).length === 0

/** Lines for people, each change beginning with `+`, `-` or `~`. */
export async function showChanges(changes: readonly Change[], colours: ChalkInstance): Promise<string[]> {
  const lines: string[] = []
  for (const change of changes) lines.push(...(await showChange(change, colours)))
  return lines
}

async function showChange({ path, before, after }: Change, colours: ChalkInstance): Promise<string[]> {
  if (before === undefined) return block(colours.green, '+', path, after)
  if (after === undefined) return block(colours.red, '-', path, before)
  const head = colours.yellow(`~ ${path}`)
  if (typeof before === 'string' && typeof after === 'string' && (isLong(before) || isLong(after)))
    return [head, ...indented(await words(before, after, colours))]
  if (Array.isArray(before) && Array.isArray(after)) return [head, ...items(before, after, colours)]
  return [`${head}: ${colours.red(inline(before))} → ${colours.green(inline(after))}`]
}

const isLong = (text: string) => text.length > LONG_TEXT || text.includes('\n')

function block(
  paint: (text: string) => string,
  sign: string,
  path: string,
  value: JsonValue | undefined,
): string[] {
  if (typeof value === 'string' && value.includes('\n'))
    return [paint(`${sign} ${path}:`), ...indented(value).map((line) => paint(line))]
  return [paint(`${sign} ${path}: ${inline(value)}`)]
}

const indented = (text: string) =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `    ${line}`)

/** Text as it is where that is clear, anything else as JSON. */
function inline(value: JsonValue | undefined): string {
  return typeof value === 'string' && /^\S(.*\S)?$/.test(value) ? value : JSON.stringify(value)
}

function items(before: readonly JsonValue[], after: readonly JsonValue[], colours: ChalkInstance): string[] {
  const gone = before.filter((item) => !after.some((other) => equal(item, other)))
  const come = after.filter((item) => !before.some((other) => equal(item, other)))
  if (gone.length === 0 && come.length === 0)
    return [`    ${colours.red(JSON.stringify(before))} → ${colours.green(JSON.stringify(after))}`]
  return [
    ...gone.map((item) => colours.red(`    - ${inline(item)}`)),
    ...come.map((item) => colours.green(`    + ${inline(item)}`)),
  ]
}

/** Where colours are none, what went is `[-so-]` and what came `{+so+}`. */
async function words(before: string, after: string, colours: ChalkInstance): Promise<string> {
  const { diffWordsWithSpace } = await import('diff')
  const parts = diffWordsWithSpace(before, after, { timeout: WORDS_MS }) ?? [
    { value: before, removed: true, added: false },
    { value: after, removed: false, added: true },
  ]
  const plain = colours.level === 0
  return parts
    .map(({ value, added, removed }, at) => {
      if (added) return plain ? `{+${value}+}` : painted(value, colours.green.underline)
      if (removed) return plain ? `[-${value}-]` : painted(value, colours.red.strikethrough)
      return shortened(value, at === 0, at === parts.length - 1, colours)
    })
    .join('')
}

/** A colour ends with its line: what is indented after it must not have it. */
const painted = (text: string, paint: (line: string) => string) => text.split('\n').map((line) => paint(line)).join('\n')

/** What is the same, as far as it stands beside what is not. */
function shortened(text: string, isFirst: boolean, isLast: boolean, { dim }: ChalkInstance): string {
  const before = isFirst ? '' : text.slice(0, BESIDE)
  const after = isLast ? '' : text.slice(-BESIDE)
  if (text.length <= before.length + after.length + 5) return text
  return `${before}${dim('…')}${after}`
}
