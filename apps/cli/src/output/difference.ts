// What is different between two contents, as the service tells it too: here with the colours of the terminal.
import type { Content } from '@assistant-ledger/assistant'
import type { Change } from '@assistant-ledger/history'
import type { ChalkInstance } from 'chalk'
import { applied } from '../content.js'

/** Loaded only by the commands that compare. */
export async function changesBetween(before: Content, after: Content): Promise<readonly Change[]> {
  const { changesOf } = await import('@assistant-ledger/history')
  // Both as they are written, so that a description that is empty and one that is not there are the same.
  return changesOf(applied(before, {}), applied(after, {}))
}

/** Lines for people; where there are no colours, what went is `[-so-]` and what came `{+so+}`. */
export async function showChanges(changes: readonly Change[], colours: ChalkInstance): Promise<string[]> {
  const { renderChanges } = await import('@assistant-ledger/history')
  if (changes.length === 0) return []
  const { green, red } = colours
  const marks =
    colours.level === 0
      ? undefined
      : { added: eachLine(green.underline), removed: eachLine(red.strikethrough) }
  return renderChanges(changes, marks).split('\n')
}

/** A colour ends with its line: the space before the next one must not have it. */
const eachLine = (paint: (text: string) => string) => (text: string) =>
  text
    .split('\n')
    .map((line) => paint(line))
    .join('\n')
