// The difference of two contents as a JSON Patch (RFC 6902).
import { type Content, canonical, type JsonValue } from '@assistant-ledger/assistant'
import { createPatch } from 'rfc6902'
import { HISTORY_LIMITS } from './limits.js'

/** What makes one value of another. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string }

/** The operations that make `to` of `from`; none when they are equal. */
export const patchOf = (from: Content, to: Content): readonly PatchOperation[] =>
  createPatch(from, to, (one, other, pointer) => {
    if (!Array.isArray(one) || !Array.isArray(other)) return undefined
    // Each element is compared with each, and theirs with theirs.
    if (sizeOf(one) * sizeOf(other) <= HISTORY_LIMITS.arrayPairs) return undefined
    if (canonical(one) === canonical(other)) return []
    return [{ op: 'replace', path: pointer.toString(), value: other }]
  }) as PatchOperation[]

function sizeOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1
  let size = 1
  for (const part of Object.values(value)) size += sizeOf(part as JsonValue)
  return size
}
