// Who asks over HTTP: an auth module of LangGraph, as its users write it, in front of every route of a real registry; and
// API keys with their roles.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followAssistants } from '@assistant-ledger/client'
import { afterEach, expect, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { until } from '../faults/until.js'
import { freePort } from '../observability/scrape.js'
import { busClient } from '../support/bus.js'
import { descriptorNamed } from '../support/descriptor.js'
import { openEvents } from '../support/event-source.js'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'
import { type Answer, send } from './service.js'

const LOGIN = { NATS_USER: 'registry', NATS_PASSWORD: 'secret' }

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const ADMIN = [
  ['GET', '/admin'],
  ...[
    'import/check',
    'import/events',
    'import/assistant',
    'import/note',
    'replay/read-model',
    'replay/feed',
  ].map((what) => ['POST', `/admin/${what}`] as const),
] as const

type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>

/** A registry whose bus asks for a login, and askers by their headers. */
async function start(env: Record<string, string>) {
  const nats = await startNatsServer({
    config: `authorization { users: [{ user: ${LOGIN.NATS_USER}, password: ${LOGIN.NATS_PASSWORD} }] }`,
  })
  ends.push(() => nats.stop())
  const port = await freePort()
  const registry = await startRegistry({
    natsUrl: nats.url,
    env: { PORT: String(port), ...LOGIN, ...env },
  })
  ends.push(() => registry.stop())
  const connection = await connect({
    servers: nats.url,
    user: LOGIN.NATS_USER,
    pass: LOGIN.NATS_PASSWORD,
  })
  ends.push(() => connection.close())
  // Something to be seen of the graph, for whoever may.
  if (env.LANGGRAPH_JSON)
    await busClient(connection).ask('graphs.register', {
      graph_id: 'writer',
      runner: 'eu',
      descriptor: descriptorNamed('one'),
    })
  const url = `http://127.0.0.1:${port}`
  const as =
    (headers: Record<string, string>): Ask =>
    (method, path, body) =>
      send(url + path, method, method === 'GET' ? undefined : body, headers)
  return { as, url, servers: nats.url }
}

test('with an auth module everybody sees their own, on every route', async () => {
  const { as, url, servers } = await start({
    LANGGRAPH_JSON: join(process.cwd(), 'test/auth/modules/writer.json'),
  })
  const [alice, bob, nobody] = [
    as({ authorization: 'Bearer alice' }),
    as({ authorization: 'Bearer bob/or' }),
    as({}),
  ]
  const { body: made } = await alice('POST', '/assistants', { graph_id: 'writer', name: 'hers' })
  expect(made.metadata).toMatchObject({ owner: 'alice', org: 'acme' })
  const path = `/assistants/${made.assistant_id}`
  const runner = await followAssistants({
    servers,
    nats: { user: LOGIN.NATS_USER, pass: LOGIN.NATS_PASSWORD },
    environment: 'live',
    graphs: ['writer'],
    runner: { name: 'eu' },
  })
  ends.push(() => runner.close())
  await until(
    'a runner in the fleet',
    20_000,
    () => bob('GET', '/fleet?runner=eu'),
    ({ body }) => body.length === 1,
  )
  const patched = await alice('PATCH', `${path}?wait=converged&wait_ms=20000`, { name: 'still hers' })
  expect(patched).toMatchObject({ status: 200, body: { receipt: { converged: true } } })
  // Who may not see all is told who is there, and not on what.
  const { body: fleet } = await bob('GET', '/fleet?runner=eu')
  expect(fleet).toMatchObject([{ runner: 'eu' }])
  expect(JSON.stringify(fleet)).not.toContain(made.assistant_id)

  const ofGraph = ['graph', 'graph?xray=1', 'schemas', 'subgraphs', 'subgraphs/gp_two']
  for (const part of ofGraph)
    expect([part, (await alice('GET', `${path}/${part}`)).status]).toEqual([part, 200])
  const ofPast = [`?at=${new Date().toISOString()}`, '/history', '/diff?from=1', '/blame']
  for (const part of ofPast) expect([part, (await alice('GET', path + part)).status]).toEqual([part, 200])
  const routes: [method: string, path: string, body?: unknown][] = [
    ['GET', path],
    ['PATCH', path, { name: 'his' }],
    ['DELETE', path],
    ['POST', `${path}/latest`, { version: 1 }],
    ['POST', `${path}/rollback`, {}],
    ['POST', `${path}/versions`, {}],
    ['GET', `${path}/versions/1`],
    ['GET', `${path}/environments`],
    ['GET', `${path}/receipts`],
    ...ofGraph.map((part): [string, string] => ['GET', `${path}/${part}`]),
    ...ofPast.map((part): [string, string] => ['GET', path + part]),
    // Its system assistant is nobody's.
    ['GET', '/assistants/writer/graph'],
  ]
  for (const [method, route, body] of routes) {
    expect({ method, route, status: (await bob(method, route, body)).status }).toEqual({
      method,
      route,
      status: 404,
    })
    expect((await nobody(method, route, body)).status).toBe(401)
  }
  for (const [method, route] of ADMIN) expect((await alice(method, route)).status).toBe(403)
  expect((await bob('POST', '/assistants/search', {})).body).toEqual([])
  expect((await bob('POST', '/assistants/count', {})).body).toBe(0)
  expect((await bob('GET', '/assistants/history')).body).toEqual({ entries: [] })
  const taken = { graph_id: 'writer', assistant_id: made.assistant_id, if_exists: 'do_nothing' }
  expect((await bob('POST', '/assistants', taken)).status).toBe(409)
  expect((await nobody('POST', '/assistants/search', {})).status).toBe(401)
  expect((await nobody('GET', '/fleet')).status).toBe(401)
  expect((await nobody('GET', '/assistants/history')).status).toBe(401)
  expect((await nobody('GET', '/assistants/changes')).status).toBe(401)
  expect((await nobody('GET', '/ok')).status).toBe(200)

  const { body: still } = await alice('GET', path)
  expect(still).toMatchObject({ name: 'still hers', version: 2 })

  // The id begins another life with another owner, who is told nothing of the one before.
  const { assistant_id } = made
  expect((await alice('GET', `${path}/receipts?promotions=true`)).body).toHaveLength(2)
  await alice('DELETE', path)
  expect((await bob('POST', '/assistants', { graph_id: 'writer', assistant_id })).status).toBe(200)
  expect((await bob('GET', `${path}/receipts?promotions=true`)).body).toMatchObject([{ generation: 2 }])
  expect((await bob('GET', `${path}/receipts?revision=0`)).status).toBe(404)
  expect((await alice('GET', `${path}/receipts?promotions=true`)).status).toBe(404)
  const changes = await openEvents(`${url}/assistants/changes?after=0`, { authorization: 'Bearer bob/or' })
  const [first] = await changes.take(1)
  expect(first?.data).toMatchObject({ type: 'AssistantCreated', generation: 2, actor: { id: 'bob' } })
  changes.close()
}, 60_000)

test('a key does what its roles say, environment by environment', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'api-keys-'))
  ends.push(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'keys.json')
  const sha256 = (key: string) => createHash('sha256').update(key).digest('hex')
  const keys = {
    author: { key: 'author-key', roles: ['read', 'write'] },
    operator: { key: 'operator-key', roles: ['read', 'write', 'promote'] },
    admin: { key: 'admin-key', roles: ['admin'] },
    live: { key: 'live-key', roles: ['read', 'promote:live'] },
    reader: { key: 'reader-key', roles: ['read'] },
  }
  const entries = Object.entries(keys).map(([name, { key, roles }]) => ({ name, sha256: sha256(key), roles }))
  await writeFile(file, JSON.stringify({ keys: entries }), { mode: 0o600 })
  const { as } = await start({ API_KEYS_FILE: file })
  const by = (name: keyof typeof keys) => as({ 'x-api-key': keys[name].key })
  const { body: made } = await by('operator')('POST', '/assistants', { graph_id: 'writer' })
  const path = `/assistants/${made.assistant_id}`
  const status = async (asked: Promise<Answer>) => (await asked).status

  expect(await status(by('reader')('GET', path))).toBe(200)
  expect(await status(by('reader')('PATCH', path, { name: 'no' }))).toBe(403)
  expect(await status(by('author')('PATCH', path, { name: 'no' }))).toBe(403)
  expect(await status(by('author')('PATCH', `${path}?promote=false`, { name: 'a draft' }))).toBe(200)
  expect(await status(by('author')('PATCH', `${path}?promote_to=staging`, { name: 'no' }))).toBe(403)
  expect(await status(by('live')('POST', `${path}/latest`, { version: 2, environment: 'staging' }))).toBe(403)
  expect(await status(by('live')('POST', `${path}/latest`, { version: 2 }))).toBe(200)
  expect(await status(by('live')('POST', `${path}/rollback`, { environment: 'staging' }))).toBe(403)
  expect(await status(by('live')('POST', `${path}/rollback`, {}))).toBe(200)
  expect(await status(as({ 'x-api-key': 'another' })('GET', path))).toBe(401)

  // What concerns the log as a whole is for one role alone, which is good for nothing else.
  for (const [method, at] of ADMIN) {
    expect([at, await by('operator')(method, at, {})]).toMatchObject([
      at,
      { status: 403, body: { detail: 'This takes the role admin' } },
    ])
    expect([at, await status(as({})(method, at, {}))]).toEqual([at, 401])
  }
  expect(await status(by('admin')('GET', '/admin'))).toBe(200)
  expect(await status(by('admin')('GET', path))).toBe(403)
}, 60_000)
