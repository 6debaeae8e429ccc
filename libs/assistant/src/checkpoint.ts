// Signed checkpoints: the service's word that the log up to a position was this and nothing else. Whoever alters what
// stands before one can seal every event anew, but cannot sign.
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { canonical } from './canonical.js'
import type { Rolling } from './rolling.js'

/** What is signed, and by whom. On the wire and in the event the same. */
export interface Checkpoint {
  readonly log_id: string
  readonly epoch: number
  /** Decimal text: the last event that it covers. */
  readonly position: string
  /** Events of the project up to there. */
  readonly count: number
  /** The rolling hash there. */
  readonly hash: string
  /** The fingerprint of the public key, see {@link fingerprintOf}. */
  readonly key: string
  /** Ed25519, base64url. */
  readonly signature: string
}

/** In the stream `ledger.<project>`. It covers events before it, and is covered by the next one. */
export interface CheckpointSigned {
  readonly type: 'CheckpointSigned'
  readonly data: Checkpoint & { readonly salt: string }
}

/** SHA-256, hex, of the public key as DER (SubjectPublicKeyInfo). */
export function fingerprintOf(key: KeyObject): string {
  const open = key.type === 'public' ? key : createPublicKey(key)
  return createHash('sha256')
    .update(open.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** @param key an Ed25519 private key */
export function signCheckpoint(
  { position, count, hash }: Rolling,
  of: { readonly log_id: string; readonly epoch: number },
  key: KeyObject,
): Checkpoint {
  const said = { ...of, position: String(position), count, hash, key: fingerprintOf(key) }
  return { ...said, signature: sign(null, signedBytes(said), key).toString('base64url') }
}

/** Whether the checkpoint was signed with the private key of this public one. */
export function isSignedBy(checkpoint: Checkpoint, key: KeyObject): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64url')
  return checkpoint.key === fingerprintOf(key) && verify(null, signedBytes(checkpoint), key, signature)
}

/** The canonical JSON of all fields but the signature, and of what they are: no other signed text can be taken for it. */
function signedBytes({ log_id, epoch, position, count, hash, key }: Omit<Checkpoint, 'signature'>): Buffer {
  return Buffer.from(canonical({ type: 'CheckpointSigned', log_id, epoch, position, count, hash, key }))
}

const HASH = /^[0-9a-f]{64}$/
const POSITION = /^\d{1,20}$/
const SIGNATURE = /^[\w-]{86}$/

/** The checkpoint in an event's data, undefined when a field is missing or malformed. */
export function readCheckpoint(data: unknown): Checkpoint | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { log_id, epoch, position, count, hash, key, signature } = data as Record<string, unknown>
  const isText = (value: unknown, form: RegExp) => typeof value === 'string' && form.test(value)
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  const fits =
    isText(log_id, /./) &&
    isCount(epoch) &&
    isCount(count) &&
    isText(position, POSITION) &&
    isText(hash, HASH) &&
    isText(key, HASH) &&
    isText(signature, SIGNATURE)
  return fits ? ({ log_id, epoch, position, count, hash, key, signature } as Checkpoint) : undefined
}
