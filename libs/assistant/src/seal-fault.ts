// Whether a stored event is what was sealed: its hashes and its id follow from the rest of it.
import { canonical, sha256 } from './canonical.js'
import type { EventMetadata } from './events.js'
import { eventIdOf } from './ids.js'
import { hashOf, NO_HASH } from './seal.js'
import type { StoredEvent } from './upcast.js'

/**
 * What of an event does not follow from the rest, for a person; undefined when all of it does.
 * @param previousHash hash of the event before it in its stream; undefined: not known, and not looked at
 */
export function sealFault(
  { id, stream, revision, type, data, metadata }: StoredEvent & { readonly id: string },
  previousHash: string | undefined,
): string | undefined {
  if (typeof metadata !== 'object' || metadata === null) return 'it has no metadata'
  const { hash, ...unhashed } = metadata as EventMetadata
  if (hash !== hashOf(stream, revision, type, unhashed))
    return 'its place, type or metadata were altered: they have another hash'
  if (unhashed.dataHash !== sha256(canonical(data ?? null)))
    return 'its data were altered: they have another dataHash'
  if (id !== eventIdOf(hash)) return 'its id is not that of its hash'
  const before = revision === 0n ? NO_HASH : previousHash
  if (before !== undefined && unhashed.previousHash !== before)
    return 'its previousHash is not the hash of the event before it'
  return undefined
}
