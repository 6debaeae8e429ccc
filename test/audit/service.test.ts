// The proof as a person has it: the built command beside a running service, whose checkpoints a runner keeps; after the
// service was killed, and when the end of its log was cut off while nobody looked.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Checkpoint } from '@assistant-ledger/assistant'
import { type Assistants, followAssistants } from '@assistant-ledger/client'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { until } from '../faults/until.js'
import { type RegistryProcess, startRegistry } from '../support/registry.js'
import { type Service, startService } from '../support/service.js'
import { LEDGER, LogFile } from './tampering.js'

jest.setTimeout(120_000)

const PROGRAM = join(process.cwd(), 'apps', 'cli', 'bin', 'assistants.mjs')
const DEADLINE_MS = 40_000

let service: Service
let registry: RegistryProcess
let runner: Assistants
let cacheDir: string
let dataDir: string
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-runner-'))
  dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-data-'))
  service = await startService({ dataDir })
  registry = service.registry
  runner = await follow()
  // As `npm start` leaves it: by that the command finds the NATS of this data.
  const note = { natsUrl: service.nats.url, pids: [process.pid] }
  await writeFile(join(dataDir, 'local.json'), JSON.stringify(note))
})
afterAll(async () => {
  await runner?.close()
  await registry?.stop()
  await service?.stop().catch(() => undefined)
  for (const directory of [cacheDir, dataDir]) await rm(directory, { recursive: true, force: true })
})

const follow = () =>
  followAssistants({
    servers: service.nats.url,
    environment: 'live',
    graphs: ['writer'],
    cacheDir,
    runner: { name: 'writer-eu' },
  })

interface Verdict {
  readonly code: number
  readonly lines: readonly Record<string, unknown>[]
}

/** Runs `assistants verify`. */
function run(
  ...more: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const given = ['verify', '--data-dir', dataDir, ...more]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [PROGRAM, ...given], (error, out, err) => {
      if (error && typeof error.code !== 'number') return reject(error)
      resolve({ code: Number(error?.code ?? 0), out, err })
    })
  })
}

async function verify(...more: string[]): Promise<Verdict> {
  const { code, out, err } = await run('--json', ...more)
  const lines = out.split('\n').filter((line) => line !== '')
  if (lines.length === 0) throw new Error(err)
  return { code, lines: lines.map((line) => JSON.parse(line)) }
}

/** The first checkpoint that a runner has over so many events. */
async function keptOver(count: number) {
  const { answer } = await until(
    'a checkpoint at the runner',
    DEADLINE_MS,
    () => runner.status().checkpoint,
    (held) => (held?.count ?? 0) >= count,
  )
  return answer
}

test('what a service and its runner have agrees, and again after the service was killed and lost its key', async () => {
  const create = () => service.bus.ask('create', { graph_id: 'writer', name: 'Proved' })
  for (let n = 0; n < 3; n++) await create()
  const first = await keptOver(4)
  await registry.kill()
  await rm(join(dataDir, 'ledger-signing-key.pem'))
  registry = await startRegistry({ natsUrl: service.nats.url, dataDir })
  await create()
  const second = await keptOver((first?.count ?? 0) + 1)
  expect(second?.logId).toBe(first?.logId)
  expect(second?.key).not.toBe(first?.key)
  expect((await stat(join(dataDir, 'ledger-signing-key.pem'))).mode & 0o777).toBe(0o600)
  const { code, lines } = await verify('--runners', '6')
  expect(lines.filter(({ kind }) => kind === 'difference')).toEqual([])
  expect(lines.at(-1)).toMatchObject({ kind: 'verdict', agrees: true, project: 'default' })
  expect(lines).toContainEqual(expect.objectContaining({ part: 'runners', checked: 1, differences: 0 }))
  expect(code).toBe(0)
})

test('while the service writes, all agrees at one position', async () => {
  let writing = true
  const written = (async () => {
    for (let n = 0; writing; n++) await service.bus.ask('create', { graph_id: 'writer', name: `While ${n}` })
  })()
  const { code, lines } = await verify()
  writing = false
  await written
  expect(lines.filter(({ kind }) => kind === 'difference')).toEqual([])
  expect(code).toBe(0)
})

test('the service says which log it has, how far it was signed, and its key', async () => {
  const [, port] = /HTTP \S+:(\d+)/.exec(registry.said()) ?? []
  const said = (await (await fetch(`http://127.0.0.1:${port}/ledger`)).json()) as Record<string, unknown>
  expect(said).toMatchObject({
    project: 'default',
    epoch: 1,
    public_key: expect.stringContaining('PUBLIC KEY'),
  })
  expect((said.checkpoint as Checkpoint).key).toBe(said.key)
})

test('what a runner kept shows that the end of the log was cut off and written anew', async () => {
  const held = runner.status().checkpoint
  await runner.close()
  await registry.kill()
  const log = new LogFile(dataDir)
  // All that was signed after the first event of the log, and every trace of it that the service has.
  log.cutAfter(log.at(LEDGER, 0).position)
  log.close()
  await rm(join(dataDir, 'read-model.db'))
  // From its disk, at once.
  const kept = await follow()
  expect(kept.status().checkpoint).toEqual(held)
  const { code, lines } = await verify('--only', 'log', '--runners', '6')
  await kept.close()
  expect(lines).toContainEqual(
    expect.objectContaining({
      kind: 'difference',
      part: 'runners',
      runner: 'writer-eu',
      position: String(held?.position),
    }),
  )
  expect(code).toBe(3)
  expect((await run('--only', 'log')).out).toMatch(/^log\t1 event\tagrees$/m)
})
