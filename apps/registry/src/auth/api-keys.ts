// API keys: a file of names, hashes and roles. The keys themselves are nowhere but with their holders. SHA-256 is for
// keys that a machine made; for those that people choose there is scrypt, which is slow on purpose, so that such a key
// says its name first (`<name>.<rest>`) and only that one hash is computed.
import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { OWN_ACTORS } from '../headers.js'
import { BadSetting } from '../settings.js'
import { HttpRefusal } from './authorizer.js'
import type { Holder } from './jwt.js'
import { AUTH_LIMITS } from './limits.js'
import { isRole } from './roles.js'

interface SlowHash {
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
  readonly salt: Buffer
  readonly hash: Buffer
}

type Entry = Holder & ({ readonly sha256: string } | { readonly scrypt: SlowHash })

/** `scrypt$<N>$<r>$<p>$<salt>$<hash>`, salt and hash as base64url. */
const SCRYPT = /^scrypt\$(\d{5,7})\$(\d{1,2})\$(\d)\$([\w-]{16,})\$([\w-]{22,})$/
/** Bytes that one hash may take: the largest parameters that are taken, and some. */
const SCRYPT_MEMORY = 300 * 1024 * 1024

export class ApiKeys {
  /** By the SHA-256 of the key: those of the file, and slow ones that were right before. */
  private readonly bySha256 = new Map<string, Holder>()
  private readonly slow = new Map<string, Holder & { readonly scrypt: SlowHash }>()
  private running = 0
  private readonly waiting: (() => void)[] = []

  /**
   * Reads `{"keys": [{"name", "sha256" | "scrypt", "roles"}]}`.
   * @param environments those that roles may name
   * @throws BadSetting one line
   */
  static read(file: string, environments: readonly string[]): ApiKeys {
    let given: unknown
    try {
      given = JSON.parse(readFileSync(file, 'utf8'))
    } catch (error) {
      const why =
        error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${(error as Error).message})`
      throw new BadSetting(`API_KEYS_FILE: ${file} ${why}`)
    }
    const list = (given as { keys?: unknown } | null)?.keys
    if (!Array.isArray(list) || list.length === 0 || list.length > AUTH_LIMITS.apiKeys)
      throw new BadSetting(`API_KEYS_FILE: ${file} has no list "keys" of 1 to ${AUTH_LIMITS.apiKeys} entries`)
    return new ApiKeys(
      list.map((entry, index) => readEntry(entry, environments, `API_KEYS_FILE: ${file}: key ${index + 1}`)),
      `API_KEYS_FILE: ${file}`,
    )
  }

  private constructor(entries: readonly Entry[], where: string) {
    const names = new Set<string>()
    for (const { id, roles, ...hash } of entries) {
      if (names.has(id)) throw new BadSetting(`${where} has two keys named ${JSON.stringify(id)}`)
      names.add(id)
      if ('scrypt' in hash) this.slow.set(id, { id, roles, ...hash })
      else if (this.bySha256.has(hash.sha256))
        throw new BadSetting(`${where} has the key of ${JSON.stringify(id)} twice`)
      else this.bySha256.set(hash.sha256, { id, roles })
    }
  }

  /** @throws HttpRefusal 401, or 429 while too many slow hashes are asked for */
  async holderOf(key: string): Promise<Holder> {
    if (key.length > AUTH_LIMITS.apiKey) throw unknownKey()
    const sha256 = createHash('sha256').update(key).digest('hex')
    const known = this.bySha256.get(sha256)
    if (known) return known
    const slow = this.slow.get(key.split('.', 1)[0] ?? '')
    if (!slow || !(await this.inTurn(() => hashes(key, slow.scrypt)))) throw unknownKey()
    const { id, roles } = slow
    const holder = { id, roles }
    this.bySha256.set(sha256, holder)
    return holder
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < AUTH_LIMITS.slowHashes) this.running += 1
    else if (this.waiting.length >= AUTH_LIMITS.slowHashesWaiting)
      throw new HttpRefusal(429, 'Too many API keys are being checked; try again', { 'retry-after': '1' })
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.running -= 1
    }
  }
}

const unknownKey = () => new HttpRefusal(401, 'The API key is not known')

function readEntry(entry: unknown, environments: readonly string[], where: string): Entry {
  const { name, sha256, scrypt, roles } = (entry ?? {}) as Readonly<Record<string, unknown>>
  const fault = (what: string) => new BadSetting(`${where} ${what}`)
  if (typeof name !== 'string' || !/^[\w@-]{1,100}$/.test(name))
    throw fault('has no name of 1 to 100 letters, digits, _, - and @')
  if (OWN_ACTORS.has(name)) throw fault(`has the name ${name}, which is the service's own`)
  if (!Array.isArray(roles)) throw fault('has no list "roles"')
  const odd = roles.find((role) => typeof role !== 'string' || !isRole(role, environments))
  if (odd !== undefined)
    throw fault(
      `has the role ${JSON.stringify(odd)}; there are read, write, promote, ${environments.map((one) => `promote:${one}`).join(', ')}`,
    )
  if ((sha256 === undefined) === (scrypt === undefined)) throw fault('has to have either sha256 or scrypt')
  const holder = { id: name, roles: roles as string[] }
  if (scrypt !== undefined) return { ...holder, scrypt: readScrypt(scrypt, fault) }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))
    throw fault('has a sha256 that is not 64 hexadecimal digits')
  return { ...holder, sha256: sha256.toLowerCase() }
}

function readScrypt(given: unknown, fault: (what: string) => BadSetting): SlowHash {
  const [, cost, blockSize, parallelization, salt = '', hash = ''] =
    SCRYPT.exec(typeof given === 'string' ? given : '') ?? []
  const numbers = {
    cost: Number(cost),
    blockSize: Number(blockSize),
    parallelization: Number(parallelization),
  }
  const isPowerOf2 = (numbers.cost & (numbers.cost - 1)) === 0
  const inRange =
    numbers.cost >= 2 ** 14 &&
    numbers.cost <= 2 ** 17 &&
    numbers.blockSize >= 8 &&
    numbers.blockSize <= 16 &&
    numbers.parallelization >= 1 &&
    numbers.parallelization <= 4
  if (!isPowerOf2 || !inRange)
    throw fault(
      'has a scrypt that is not scrypt$<N>$<r>$<p>$<salt>$<hash>, N a power of 2 from 16384 to 131072, r from 8 to 16, p from 1 to 4, salt and hash as base64url',
    )
  return { ...numbers, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }
}

function hashes(key: string, { salt, hash, ...parameters }: SlowHash): Promise<boolean> {
  return new Promise((resolve, reject) => {
    scrypt(key, salt, hash.length, { ...parameters, maxmem: SCRYPT_MEMORY }, (error, found) => {
      if (error) reject(error)
      else resolve(timingSafeEqual(found, hash))
    })
  })
}
