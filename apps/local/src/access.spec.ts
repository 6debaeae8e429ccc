// The passwords of a secure stack: made once, found again, and nobody else's to read.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { COMMANDER, PASSWORD_FILE, REGISTRY, secureAccess } from './access.js'

let dir: string
let file: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'local-access-'))
  file = join(dir, PASSWORD_FILE)
})
afterEach(() => rm(dir, { recursive: true }))

const kept = async (): Promise<Record<string, string>> => JSON.parse(await readFile(file, 'utf8'))

test('a later start has the same passwords, and one for who is new', async () => {
  await secureAccess(dir, 'default', [])
  const first = await kept()
  expect(new Set(Object.values(first)).size).toBe(3)
  const runner = { name: 'eu', role: 'runner', environment: 'live', graphs: ['writer'], runs: true } as const
  const access = await secureAccess(dir, 'default', [runner])
  expect(await kept()).toEqual({ ...first, eu: access.env('eu').NATS_PASSWORD })
  expect(access.env(COMMANDER).NATS_PASSWORD).toBe(first.commander)
  expect(access.serverConfig).toContain(access.env('eu').NATS_PASSWORD)
})

test('a file that others could read is its owner’s alone from then on', async () => {
  await secureAccess(dir, 'default', [])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await chmod(file, 0o644)
  await secureAccess(dir, 'default', [])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test.each(['', 'no JSON', 'null', '[]', '"text"', '{"registry": 5, "commander": ""}'])(
  'a file that says %j has no password that is used',
  async (text) => {
    await writeFile(file, text)
    const access = await secureAccess(dir, 'default', [])
    for (const user of [REGISTRY, COMMANDER]) {
      expect(access.env(user).NATS_PASSWORD).toMatch(/^[\w-]{32}$/)
      expect(access.serverConfig).toContain(`password: "${access.env(user).NATS_PASSWORD}"`)
    }
  },
)
