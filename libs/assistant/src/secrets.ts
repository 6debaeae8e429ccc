// Likely secrets in what a version would hold. A version is for ever, and read by many: a key in it can never be taken
// back. Found by their shape wherever they stand, or as a random text under a name that says so. Few false alarms are
// worth more here than the last secret: who is stopped without reason learns to override.
import type { CommandContext, ContentPatch } from './command.js'
import type { JsonValue } from './json.js'
import { type Refusal, refuse } from './refusal.js'
import { isPlaceholder, secretShapeIn } from './secret-shapes.js'

export interface LikelySecret {
  /** JSON pointer (RFC 6901) from the content's fields on, such as `/context/api_key`; a long one is cut. */
  readonly pointer: string
  /** What it looks like, with its article: "an OpenAI API key". Never anything of the value. */
  readonly kind: string
}

export const SECRET_LIMITS = {
  /** After so many in one content nothing further is looked for. */
  found: 20,
  /** UTF-16 units of a pointer. */
  pointer: 200,
} as const

const FIELDS = ['config', 'context', 'metadata'] as const

/** Where something stands: its pointer is only put together when there is something to say of it. */
interface Place {
  readonly value: JsonValue
  /** The last part of its pointer. */
  readonly key: string
  readonly parent: Place | undefined
  /** The name that says that this is a secret: its own, or that of what it stands in. */
  readonly name: string | undefined
}

/** The likely secrets in the config, context and metadata that a command brings, in the order of the content. */
export function likelySecrets(patch: ContentPatch): readonly LikelySecret[] {
  const found: LikelySecret[] = []
  for (const field of FIELDS) {
    const value = patch[field]
    if (value) search({ value, key: field, parent: undefined, name: undefined }, found)
  }
  return found
}

/** Why a command with these may not be carried out; undefined when there are none, or it says why they may be there. */
export function refusedSecrets(
  secrets: readonly LikelySecret[],
  { allowSecrets = false, reason = '' }: Pick<CommandContext, 'allowSecrets' | 'reason'>,
): Refusal | undefined {
  const [first, ...more] = secrets
  if (!first || (allowSecrets && reason.trim() !== '')) return undefined
  const others = more.length === 0 ? '' : ` (and ${more.length} more like it)`
  const way = allowSecrets
    ? 'X-Allow-Secrets needs an X-Reason that says why it may be there'
    : 'Name the place where runners find it instead, such as a variable of their environment; to record it all the same, send X-Allow-Secrets: true and an X-Reason'
  return refuse('likely-secret', `${first.pointer} looks like ${first.kind}${others}. ${way}`, {
    field: first.pointer,
    pointers: [...new Set(secrets.map(({ pointer }) => pointer))],
  })
}

function search(root: Place, found: LikelySecret[]): void {
  const open = [root]
  for (let place = open.pop(); place && found.length < SECRET_LIMITS.found; place = open.pop()) {
    const { value, name } = place
    if (typeof value === 'string') {
      const kind =
        secretShapeIn(value) ?? (name !== undefined && looksSecret(value, name) ? 'a secret' : undefined)
      if (kind !== undefined) found.push({ pointer: pointerOf(place), kind })
    } else if (typeof value === 'object' && value !== null) open.push(...inside(place, value, found))
  }
}

/** What stands in a list or object, the first of it last: the newest of what is open is taken next. */
function inside(parent: Place, value: object, found: LikelySecret[]): Place[] {
  const list = Array.isArray(value)
  const places: Place[] = []
  for (const [key, inner] of Object.entries(value) as [string, JsonValue][]) {
    // A key that is a secret itself must not be said either: what it stands in is.
    const kind = list ? undefined : secretShapeIn(key)
    if (kind !== undefined) found.push({ pointer: pointerOf(parent), kind: `${kind} as a key` })
    else
      places.push({ value: inner, key, parent, name: list ? parent.name : (secretName(key) ?? parent.name) })
  }
  return places.reverse()
}

const NAMES =
  /(?:^|_)(?:(?:api|access|account|auth|encryption|master|private|secret|service|signing|subscription)_?keys?|apikeys?|(?:auth|access|api|bearer|bot|refresh|session|user)_?tokens|token|secrets?|client_?secrets?|passwords?|passwd|passphrase|pwd|credentials?|authorization)$/
/** Tokens of a language model, and of pages. */
const OTHER_TOKENS =
  /(?:^|_)(?:bos|cls|continuation|end|eos|mask|next|page|pad|sep|sync|start|stop|unk)_token$/

/** A name that says that its value is a secret, as words in lower case. */
function secretName(key: string): string | undefined {
  if (key.length > 64) return undefined
  const words = key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase()
  return NAMES.test(words) && !OTHER_TOKENS.test(words) ? words : undefined
}

/** Where a secret is to be found, rather than the secret. */
const REFERENCE =
  /^(?:\$|[/~.]+[a-z]+\/|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|(?:arn|aws|azure|doppler|env|environ|file|gcp|https?|keychain|keyring|op|os|process|projects|secret|secrets|sm|ssm|vault)[.:/])/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Whether a text under such a name is one that nobody would make up as a word. */
function looksSecret(text: string, name: string): boolean {
  const value = text.replace(/^(?:Bearer|Basic|Token) /i, '')
  if (value.length > 4_096 || !/^[\x21-\x7e]+$/.test(value)) return false
  if (REFERENCE.test(value) || isPlaceholder(value)) return false
  if (/(?:passwords?|passwd|passphrase|pwd)$/.test(name))
    return value.length >= 6 && /\d|[^\w-]/.test(value) && /[A-Za-z]/.test(value)
  return UUID.test(value) || isRandom(value)
}

/** Length of the longest part between other characters, and bits a character: more than a name with a number has. */
const RANDOM = { part: 16, bits: 3 } as const
/** The same of a text of capitals, small letters and digits, such as base64, which is cut up by its own signs. */
const MIXED = { whole: 20, part: 10, bits: 3.5 } as const

function isRandom(value: string): boolean {
  const longest = value.split(/[^A-Za-z0-9]+/).reduce((a, b) => (b.length > a.length ? b : a))
  if (longest.length >= RANDOM.part && /\d/.test(longest) && /[A-Za-z]/.test(longest))
    return bitsOf(longest) >= RANDOM.bits
  const mixed = /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value)
  return mixed && value.length >= MIXED.whole && longest.length >= MIXED.part && bitsOf(value) >= MIXED.bits
}

/** Shannon's entropy of a text, in bits a character. */
function bitsOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

function pointerOf(place: Place): string {
  const keys: string[] = []
  for (let at: Place | undefined = place; at; at = at.parent) keys.push(at.key)
  return pointerTo(keys.reverse())
}

/** It is not recorded, in contents either. */
const NUL = String.fromCharCode(0)

/** A JSON pointer, cut where it is longer than anybody reads. */
export function pointerTo(keys: readonly string[]): string {
  const escaped = keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll(NUL, '\ufffd'))
  const pointer = escaped.map((key) => `/${key}`).join('')
  if (pointer.length <= SECRET_LIMITS.pointer) return pointer
  return `${pointer.slice(0, SECRET_LIMITS.pointer).toWellFormed()}…`
}
