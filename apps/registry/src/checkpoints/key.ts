// The key that checkpoints are signed with: the operator's, or one made at the first start and kept beside the data.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fingerprintOf } from '@assistant-ledger/assistant'
import { warn } from '../lines.js'
import { BadSetting, type Settings } from '../settings.js'

/**
 * In DATA_DIR. Whoever has the first can sign for the service; the second says whether something was signed with it, or with
 * one that was there before: the public keys of all of them, the newest first.
 */
const KEY_FILE = 'ledger-signing-key.pem'
const PUBLIC_KEY_FILE = 'ledger-signing-key.pub.pem'

/** A key, and what others know it by. */
export interface SigningKey {
  readonly key: KeyObject
  readonly fingerprint: string
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKey: string
}

/**
 * The key of LEDGER_SIGNING_KEY, else the one in DATA_DIR, which is made when it is not there. Undefined, with a warning,
 * when none can be made: the service does all the rest without.
 * @throws BadSetting when what was given is no Ed25519 private key
 */
export async function openSigningKey({ signingKey, dataDir }: Settings): Promise<SigningKey | undefined> {
  if (signingKey !== undefined) return readGiven(signingKey)
  const file = join(dataDir, KEY_FILE)
  let made: string
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    made = (await readIfThere(file)) ?? (await makeKey(file))
  } catch (error) {
    warn(
      `no checkpoints are signed, because no key can be kept in DATA_DIR: ${(error as Error).message}. Set LEDGER_SIGNING_KEY`,
    )
    return undefined
  }
  const key = privateKey(made, file)
  await keepPublicKey(join(dataDir, PUBLIC_KEY_FILE), key.publicKey).catch((error: Error) =>
    warn(`the public key of the checkpoints is not written beside the data: ${error.message}`),
  )
  return key
}

async function readGiven(given: string): Promise<SigningKey> {
  if (given.includes('-----BEGIN')) return privateKey(given.replaceAll('\\n', '\n'), 'LEDGER_SIGNING_KEY')
  const file = resolve(given)
  try {
    return privateKey(await readFile(file, 'utf8'), `LEDGER_SIGNING_KEY (${file})`)
  } catch (error) {
    if (error instanceof BadSetting) throw error
    throw new BadSetting(`LEDGER_SIGNING_KEY names a file that cannot be read: ${(error as Error).message}`)
  }
}

function privateKey(pem: string, where: string): SigningKey {
  let key: KeyObject | undefined
  try {
    key = createPrivateKey(pem)
  } catch {
    // Said below, without what is in it.
  }
  if (key?.asymmetricKeyType !== 'ed25519')
    throw new BadSetting(
      `${where} holds no Ed25519 private key as PEM; openssl genpkey -algorithm ed25519 makes one`,
    )
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
  return { key, fingerprint: fingerprintOf(key), publicKey }
}

/** What was signed before a key was replaced is to be verified after it too. */
async function keepPublicKey(file: string, publicKey: string): Promise<void> {
  const known = (await readIfThere(file)) ?? ''
  if (known.startsWith(publicKey)) return
  const former = (known.match(PUBLIC_KEY) ?? []).filter((key) => key !== publicKey)
  await writeWhole(file, [publicKey, ...former].join(''), 0o644, rename)
}

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\n/g

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

/** Whole or not there, and never in place of one that another process has made meanwhile. */
async function makeKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  await writeWhole(file, pem, 0o600, unlessThere)
  return readFile(file, 'utf8')
}

/** @param put gives what was written its name */
async function writeWhole(
  file: string,
  text: string,
  mode: number,
  put: (aside: string, file: string) => Promise<void>,
): Promise<void> {
  const aside = `${file}.${randomUUID()}.tmp`
  const handle = await open(aside, 'wx', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await put(aside, file)
  await rm(aside, { force: true })
}

/** Leaves what is there. */
const unlessThere = (aside: string, file: string): Promise<void> =>
  link(aside, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
