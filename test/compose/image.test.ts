// The image, with no Docker at hand: what the Dockerfile copies is there and is enough to build and to run on, as a user
// without rights and without what only development needs.
import { existsSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { busClient } from '../support/bus.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { BASE, milliseconds, readCompose } from './compose.js'
import { type Image, isIgnored, makeImage, readStages, sourcesOf } from './image.js'
import { startProgram } from './programs.js'
import { makeVariables } from './variables.js'

jest.setTimeout(300_000)

const START_DEADLINE_MS = 60_000
/** Whoever is nobody in particular, where this process may choose. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined

/** npm's note of what is installed in the work tree. */
const INSTALLED = 'node_modules/.package-lock.json'

let image: Image
let nats: NatsServer
let installed: string
beforeAll(async () => {
  installed = readFileSync(INSTALLED, 'utf8')
  image = await makeImage()
  nats = await startNatsServer()
})
afterAll(async () => {
  await nats?.stop()
  await image?.remove()
})

let data: string
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'assistant-ledger-image-data-'))
  if (NOBODY) await chown(data, NOBODY.uid, NOBODY.gid)
})
afterAll(() => rm(data, { recursive: true, force: true }))

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

test('it is made in two stages on one pinned Node, and is not root', () => {
  const stages = readStages()
  const bases = stages.map(([from]) => from?.rest.split(' ')[0])
  for (const base of bases) expect(base).toMatch(/^node:\d+\.\d+\.\d+-[a-z]+(-slim)?$/)
  expect(new Set(bases.map((base) => base?.replace('-slim', ''))).size).toBe(1)
  const final = stages.at(-1) ?? []
  expect(final.findLast(({ name }) => name === 'USER')?.rest).toBe('node')
  expect(final.filter(({ name }) => name === 'RUN').every(({ rest }) => !rest.includes('npm'))).toBe(true)
})

test('every path that it copies is there, and none of what is made on a machine goes in', () => {
  for (const stage of readStages())
    for (const { name, rest } of stage)
      if (name === 'COPY' && !rest.startsWith('--from'))
        for (const source of sourcesOf(rest))
          expect({ source, there: existsSync(source) }).toEqual({ source, there: true })
  for (const made of ['.git', '.env', 'data', 'node_modules', 'libs/client/dist', 'apps/runner/node_modules'])
    expect({ made, ignored: isIgnored(made) }).toEqual({ made, ignored: true })
  expect(isIgnored('libs/client/src/index.ts')).toBe(false)
})

test('making it leaves the packages of the work tree as they are', () => {
  expect(readFileSync(INSTALLED, 'utf8')).toBe(installed)
})

test('what is installed is what the service runs on: nothing that only development needs', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  const left = Object.entries(packages).flatMap(([path, { dev }]) =>
    dev && path.startsWith('node_modules/') && existsSync(join(image.app, path)) ? [path] : [],
  )
  expect(left).toEqual([])
})

test('its command is the registry, and the runner is in it too: both start, work together, and end when told to', async () => {
  const { services } = readCompose([BASE], makeVariables())
  const grace = (name: string) => milliseconds(services[name]?.stop_grace_period ?? '10s')
  const started = (command: readonly string[], more: Record<string, string>) => {
    const env = { ...image.env, NATS_URL: nats.url, DATA_DIR: data, ...more }
    const program = startProgram(command, { cwd: image.app, env, user: NOBODY })
    ends.push(() => program.kill())
    return program
  }
  const registry = started(image.command, { LANGGRAPH_JSON: join(image.app, 'langgraph.json') })
  await registry.untilSaid('ready: ', START_DEADLINE_MS)
  const runner = started(services.runner?.command ?? [], {
    RUNNER_NAME: 'writer-1',
    CACHE_DIR: join(data, 'cache'),
    LANGGRAPH_JSON: join(image.app, 'langgraph.json'),
  })
  await runner.untilSaid('"event":"live"', START_DEADLINE_MS)

  const connection = await connect({ servers: nats.url })
  ends.push(() => connection.close())
  const bus = busClient(connection)
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer', context: { model: 'sample-1' } })
  const { receipt } = await bus.ask<{ receipt: object }>('update', {
    assistant_id,
    context: { model: 'sample-2' },
    wait: 'converged',
  })
  expect(receipt).toMatchObject({ converged: true, active: 1, of: 1 })
  const { output } = await bus.ask<{ output: object }>('runs.writer', {
    assistant_id,
    input: { topic: 'tea' },
  })
  expect(output).toMatchObject({ text: expect.any(String) })

  expect(await runner.stop(grace('runner'))).toBe(0)
  expect(await registry.stop(grace('registry-1'))).toBe(0)
})
