// The module as the built service loads it: by Node itself, TypeScript through tsx, and never two ways at once.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

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
