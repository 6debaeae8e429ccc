import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readSettings } from '../settings.js'
import { openSigningKey } from './key.js'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-key-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const opened = (LEDGER_SIGNING_KEY = '') =>
  openSigningKey(readSettings({ DATA_DIR: dataDir, LEDGER_SIGNING_KEY }))

const pem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

test('one is made once, for its owner alone, with its public key beside it', async () => {
  const all = await Promise.all([opened(), opened(), opened()])
  expect(new Set(all.map((one) => one?.fingerprint)).size).toBe(1)
  expect((await readdir(dataDir)).toSorted()).toEqual([
    'ledger-signing-key.pem',
    'ledger-signing-key.pub.pem',
  ])
  expect((await stat(join(dataDir, 'ledger-signing-key.pem'))).mode & 0o777).toBe(0o600)
})

test('another one in its place has its public key beside it too, before those of all that were there', async () => {
  const file = join(dataDir, 'ledger-signing-key.pem')
  const first = await opened()
  const own = await readFile(file, 'utf8')
  const keys = [first]
  for (const text of [pem(), pem(), own]) {
    await writeFile(file, text)
    keys.unshift(await opened())
  }
  const [again, third, second] = keys
  expect(again?.fingerprint).toBe(first?.fingerprint)
  expect(await readFile(join(dataDir, 'ledger-signing-key.pub.pem'), 'utf8')).toBe(
    [again, third, second].map((key) => key?.publicKey).join(''),
  )
})

test('the one that is given is taken, as text or from a file, and nothing is written', async () => {
  const text = pem()
  const file = join(dataDir, 'given.pem')
  await writeFile(file, text)
  const [first, second, third] = [
    await opened(text),
    await opened(file),
    await opened(text.replaceAll('\n', '\\n')),
  ]
  expect([second?.fingerprint, third?.fingerprint]).toEqual([first?.fingerprint, first?.fingerprint])
  expect(await readdir(dataDir)).toEqual(['given.pem'])
})

test.each([
  ['a file that is not there', '/nowhere/key.pem', 'LEDGER_SIGNING_KEY names a file that cannot be read'],
  [
    'another kind of key',
    generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    'LEDGER_SIGNING_KEY holds no Ed25519 private key',
  ],
])('%s is refused in one line', async (_, given, line) => {
  await expect(opened(given)).rejects.toThrow(line)
})

test('where none can be kept the service does without', async () => {
  await writeFile(join(dataDir, 'file'), '')
  expect(await openSigningKey(readSettings({ DATA_DIR: join(dataDir, 'file') }))).toBeUndefined()
})
