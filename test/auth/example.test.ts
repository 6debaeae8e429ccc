// The auth module that docs/authentication.md shows is the one that is type-checked, linted, and loaded here as the service
// loads it.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import vm from 'node:vm'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { Authorizer } from '../../apps/registry/src/auth/authorizer.js'
import { openAuthorizer } from '../../apps/registry/src/auth/open.js'
import { readSettings } from '../../apps/registry/src/settings.js'
import { openParts, type Parts } from '../registry/parts.js'
import { Asker, refusalOf } from './asker.js'
import { importNatively } from './native-import.js'

jest.setTimeout(60_000)

const EXAMPLE = 'examples/auth.ts'
let directory: string
let parts: Parts
let authorizer: Authorizer
/** The module is loaded outside of Jest, whose tests have a copy of the environment. */
const env = vm.runInThisContext('process.env') as NodeJS.ProcessEnv
const before = env.EXAMPLE_TOKENS
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-example-'))
  const LANGGRAPH_JSON = join(directory, 'langgraph.json')
  const auth = { path: `${join(process.cwd(), EXAMPLE)}:auth` }
  await writeFile(LANGGRAPH_JSON, JSON.stringify({ graphs: {}, auth }))
  env.EXAMPLE_TOKENS = 'ada:tea,bob:rye'
  const settings = readSettings({ NATS_USER: 'registry', NATS_PASSWORD: 'p', LANGGRAPH_JSON })
  authorizer = await openAuthorizer(settings, undefined, importNatively)
  parts = await openParts()
})
afterAll(async () => {
  if (before === undefined) delete env.EXAMPLE_TOKENS
  else env.EXAMPLE_TOKENS = before
  await parts?.close()
  await rm(directory, { recursive: true, force: true })
})

const as = (token: string) => new Asker(parts, authorizer, { authorization: `Bearer ${token}` })

test('the example stands in the documentation as it is', async () => {
  const [example, text] = await Promise.all([
    readFile(EXAMPLE, 'utf8'),
    readFile('docs/authentication.md', 'utf8'),
  ])
  expect(text).toContain(`\`\`\`ts\n${example}\`\`\`\n`)
  const [, command = ''] = /^\/\/ (.*)\n/.exec(example) ?? []
  expect(text).toContain(`\`\`\`sh\n${command}\n\`\`\`\n`)
})

test('in the example an assistant is its maker’s, and nobody can give it away', async () => {
  const { body } = await as('tea').create({ graph_id: 'writer', name: 'Blog', metadata: { owner: 'bob' } })
  const { assistant_id: id, metadata } = body as { assistant_id: string; metadata: object }
  expect(metadata).toMatchObject({ owner: 'ada' })
  for (const owner of ['bob', null])
    expect(await refusalOf(as('tea').update(id, { metadata: { owner } }))).toBe(403)
  expect(await refusalOf(as('tea').update(id, { metadata: { owner: 'ada', team: 'press' } }))).toBe('none')
  expect(await refusalOf(as('tea').promote(id, 1))).toBe('none')

  expect(await refusalOf(as('rye').update(id, { name: 'his' }))).toBe('not-found')
  expect(await refusalOf(as('rye').promote(id, 1))).toBe('not-found')
  expect(await refusalOf(as('rye').delete(id))).toBe('not-found')
  for (const token of ['gin', 'undefined', '']) expect(await refusalOf(as(token).get(id))).toBe(401)
})
