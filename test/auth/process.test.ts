// The module as the built service loads it: by Node itself, TypeScript through tsx, and never two ways at once.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'

const run = promisify(execFile)

const SCRIPT = `
const { openAuthorizer } = await import('./apps/registry/dist/auth/open.js')
const { readSettings } = await import('./apps/registry/dist/settings.js')
const authorizer = await openAuthorizer(readSettings(process.env))
const headers = { authorization: 'Bearer alice/eq' }
const identity = await authorizer.authenticate(new Request('http://localhost/', { headers }))
const refused = await authorizer.authenticate(new Request('http://localhost/')).catch((error) => error)
const { value, filter } = await authorizer.authorize(identity, 'create', { graph_id: 'writer' })
console.log(JSON.stringify({ id: identity.actor.id, value, filter, refused }))
`

test('what a module leaves to nobody ends the service, which says where it came from', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'auth-module-'))
  const nats = await startNatsServer({
    config: 'authorization { users: [{ user: registry, password: secret }] }',
  })
  try {
    const callbacks = '{ authenticate: () => { Promise.reject(new Error("no audit")); return "ann" } }'
    await writeFile(join(directory, 'auth.mjs'), `export const auth = { "~handlerCache": ${callbacks} }`)
    const LANGGRAPH_JSON = join(directory, 'langgraph.json')
    await writeFile(
      LANGGRAPH_JSON,
      '{"graphs": {"writer": "./w.ts:graph"}, "auth": {"path": "./auth.mjs:auth"}}',
    )
    const env = { NATS_USER: 'registry', NATS_PASSWORD: 'secret', LANGGRAPH_JSON }
    const PORT = String(await freePort())
    const registry = await startRegistry({ natsUrl: nats.url, env: { ...env, PORT } })
    await fetch(`http://127.0.0.1:${PORT}/fleet`).catch(() => undefined)
    expect(await registry.exited()).toBe(1)
    expect(registry.said()).toMatch(/^registry: no audit \(at .*auth\.mjs:1:\d+\)+$/m)
    await registry.stop()
  } finally {
    await nats.stop()
    await rm(directory, { recursive: true, force: true })
  }
}, 60_000)

test.each(['typescript.json', 'javascript.json'])(
  '%s',
  async (manifest) => {
    const LANGGRAPH_JSON = join(process.cwd(), 'test/auth/modules', manifest)
    const env = { PATH: process.env.PATH, LANGGRAPH_JSON, NATS_USER: 'registry', NATS_PASSWORD: 'p' }
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SCRIPT], { env })
    expect(JSON.parse(stdout)).toMatchObject({
      id: 'alice',
      value: { graph_id: 'writer', metadata: { owner: 'alice', readers: ['alice', 'staff'], org: 'acme' } },
      filter: { owner: { $eq: 'alice' } },
      refused: { status: 401, detail: 'No such user', headers: { 'x-why': 'token' } },
    })
  },
  30_000,
)
