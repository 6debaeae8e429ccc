// Canonical bytes and their hashes: the same value has the same hash whoever computes it.
import { hash } from 'node:crypto'
import { configure } from 'safe-stable-stringify'

/** Sorts keys by their UTF-16 units and writes numbers and texts as JSON.stringify does: RFC 8785, at its speed. */
const stringify = configure({ strict: true })

/** The canonical JSON text of a value (RFC 8785). */
export function canonical(value: unknown): string {
  const text = stringify(value)
  if (text === undefined) throw new TypeError('undefined has no JSON text')
  return text
}

/** SHA-256 of a text's UTF-8 bytes, lower-case hex. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}
