// A difference as plain text: one line a change, the words of long texts below theirs, as `git diff --word-diff` shows them.
import type { JsonValue } from '@assistant-ledger/assistant'
import type { Change } from './difference.js'
import { keysOf } from './json-pointers.js'
import { HISTORY_LIMITS } from './limits.js'
import type { Hunk } from './words.js'

/** How marks are set off; a terminal may colour them. */
export interface Marks {
  readonly added: (text: string) => string
  readonly removed: (text: string) => string
}

const PLAIN: Marks = { added: (text) => `{+${text}+}`, removed: (text) => `[-${text}-]` }

/** The changes as lines, joined by newlines; empty when there are none. */
export const renderChanges = (changes: readonly Change[], marks: Marks = PLAIN): string =>
  changes.map((change) => renderChange(change, marks)).join('\n')

export function renderChange(change: Change, marks: Marks = PLAIN): string {
  const name = nameOf(change.pointer)
  switch (change.type) {
    case 'text':
      return `${name}:\n${indented(change.hunks.map((hunk) => renderHunk(hunk, marks)).join(''))}`
    case 'tools': {
      const { added, removed, changed } = change
      const all = [
        ...added.map((tool) => marks.added(tool)),
        ...removed.map((tool) => marks.removed(tool)),
        ...changed.map((tool) => `${tool} (changed)`),
      ]
      return `${name}: ${all.join(', ')}`
    }
    case 'value': {
      const { from, to } = change
      if (from === undefined) return `${name}: ${marks.added(shown(to))}`
      if (to === undefined) return `${name}: ${marks.removed(shown(from))}`
      return `${name}: ${shown(from)} → ${shown(to)}`
    }
    default:
      return change satisfies never
  }
}

export function renderHunk(hunk: Hunk, marks: Marks = PLAIN): string {
  switch (hunk.type) {
    case 'same':
      return hunk.text
    case 'added':
      return marks.added(hunk.text)
    case 'removed':
      return marks.removed(hunk.text)
    case 'skipped':
      return ' … '
    default:
      return hunk satisfies never
  }
}

/** `/context/model` as `context.model`; keys that would be misread are quoted. */
export const nameOf = (pointer: string): string =>
  keysOf(pointer)
    .map((key) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key)))
    .join('.')

const indented = (text: string): string => text.replaceAll(/^/gm, '  ')

function shown(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? ''
  const most = HISTORY_LIMITS.valueInLine
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`
}
