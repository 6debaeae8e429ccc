// The one place where a reference `<assistant_id>@<generation>.<version>#<first 16 hex of the hash>` is printed
// and parsed. It names exactly one content for ever, and proves it.
import { BadReference } from './errors.js'

export interface Reference {
  /** Lower-case. */
  readonly assistantId: string
  readonly generation: number
  readonly version: number
  /** The first 16 hex digits of the content hash. */
  readonly hash: string
}

const HASH_DIGITS = 16
const FORM = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@([1-9]\d{0,14})\.([1-9]\d{0,14})#([0-9a-f]{16})$/

export function printReference(of: {
  readonly assistantId: string
  readonly generation: number
  readonly version: number
  readonly contentHash: string
}): string {
  return `${of.assistantId}@${of.generation}.${of.version}#${of.contentHash.slice(0, HASH_DIGITS)}`
}

/** @throws BadReference */
export function parseReference(text: string): Reference {
  const match = typeof text === 'string' ? FORM.exec(text) : null
  if (!match) throw new BadReference(String(text))
  const [, assistantId = '', generation, version, hash = ''] = match
  return { assistantId, generation: Number(generation), version: Number(version), hash }
}
