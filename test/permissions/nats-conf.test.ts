// The committed configuration for production: it is what the module of permissions says now, and a server starts on it.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountsConfig } from '@assistant-ledger/change-feed'
import { expect, test } from '@jest/globals'
import { startNatsServer } from '../support/nats-server.js'
import { on, PROJECT } from './broker.support.js'

/** Each script is a process, on a machine that other tests keep busy. */
const TIMEOUT_MS = 30_000
const SERVER = process.env.NATS_SERVER_BIN || 'nats-server'
const run = promisify(execFile)

const print = (...runners: string[]) => run(process.execPath, ['scripts/nats-conf.mjs', ...runners])

test('nats.conf is what the script prints', async () => {
  expect((await print()).stdout).toBe(await readFile('nats.conf', 'utf8'))
})

test('a server takes it with the passwords of its environment, and not without one of them', async () => {
  const passwords = Object.fromEntries(
    ['REGISTRY', 'COMMANDER', 'AUDITOR', 'WRITER_1'].map((user) => [`${user}_PASSWORD`, `p${user}`]),
  )
  const check = (env: Record<string, string>) =>
    run(SERVER, ['-t', '-c', 'nats.conf'], { env: { PATH: process.env.PATH, ...env } })
  expect((await check(passwords)).stderr).toContain('is valid')
  const { AUDITOR_PASSWORD: _, ...others } = passwords
  await expect(check(others)).rejects.toThrow('AUDITOR_PASSWORD')
})

test(
  'a runner that is told has its user, and two names that share a variable are refused',
  async () => {
    const { stdout } = await print('writer.eu@staging:writer,editor')
    expect(stdout).toContain('user: "writer.eu"\n        password: $WRITER_EU_PASSWORD')
    expect(stdout).toContain('$KV.assistant_configs_default.staging.editor.>')
    expect(stdout).toContain('acks.writer=2Eeu.*')
    await expect(print('a.b@live:writer', 'a-b@live:writer')).rejects.toThrow('the same password variable')
    await expect(print('a@live:writer', 'a@staging:writer')).rejects.toThrow('a is there twice')
    await expect(print('auditor@live:writer')).rejects.toThrow('auditor is the user of a role')
    expect((await print('--help')).stdout).toMatch(/^usage: /)
    for (const bad of ['writer', 'a@live:writer,', 'a@live:'])
      await expect(print(bad)).rejects.toThrow('<runner>@<environment>')
  },
  TIMEOUT_MS,
)

test('a server takes what is printed for several runners of one graph, whatever their names', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'assistant-ledger-conf-'))
  const file = join(dir, 'nats.conf')
  await writeFile(file, (await print('writer.eu@live:writer', 'writer-"2"@live:writer,editor')).stdout)
  const users = ['REGISTRY', 'COMMANDER', 'AUDITOR', 'WRITER_EU', 'WRITER__2_']
  const env = Object.fromEntries(users.map((user) => [`${user}_PASSWORD`, `p${user}`]))
  const { stderr } = await run(SERVER, ['-t', '-c', file], { env: { PATH: process.env.PATH, ...env } })
  expect(stderr).toContain('is valid')
  await rm(dir, { recursive: true })
})

test('another account of the server cannot take what a runner has', async () => {
  const users = [{ name: 'eu', role: 'runner', environment: 'live', graphs: ['writer'], runs: true }] as const
  const config = accountsConfig(
    PROJECT,
    users.map((user) => ({ ...user, password: 'p' })),
  )
  const subject = on('acks.eu.*')
  const other = `  OTHER { imports: [ { service: { account: LEDGER, subject: "${subject}" } } ] }\n}\n`
  const start = startNatsServer({ config: config.replace(/\}\n$/, other) })
  await expect(start.then((server) => server.stop())).rejects.toThrow('not authorized')
})

test('a project that would reach into others is refused', async () => {
  const env = { ...process.env, PROJECT: '*' }
  await expect(run(process.execPath, ['scripts/nats-conf.mjs'], { env })).rejects.toThrow('PROJECT is "*"')
})
