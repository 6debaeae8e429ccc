// A keyed command takes effect once, however often and however late it is sent, and every answer to it is the same.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Assistant, BusClient, Reply } from '../support/bus.js'
import { type Service, startService } from '../support/service.js'

let service: Service
let bus: BusClient

beforeAll(async () => {
  service = await startService()
  bus = service.bus
}, 90_000)

afterAll(() => service?.stop(), 30_000)

const keyed = (key: string, actor = 'ann') => ({ 'Idempotency-Key': key, 'X-Actor': actor })
const five = <T>(send: () => Promise<T>) => Promise.all(Array.from({ length: 5 }, send))
const codeOf = ({ body }: Reply) => (body as { code: string }).code
const create = () => bus.ask('create', { graph_id: 'writer', name: 'made' })

test('create without an id - five at once and again later: one assistant, equal answers', async () => {
  const send = () => bus.send('create', { graph_id: 'writer', name: 'once' }, keyed('c-1'))
  const replies = await five(send)
  const [first] = replies
  expect(first?.status).toBe(200)
  for (const reply of replies) expect(reply).toEqual(first)
  const { assistant_id } = (first as Reply).body as Assistant
  await bus.ask('update', { assistant_id, name: 'changed since' })
  await bus.ask('delete', { assistant_id })
  expect(await send()).toEqual(first)
  expect((await bus.send('get', { assistant_id })).status).toBe(404)
})

test.each([
  ['update', { name: 'new', context: { a: 1 } }],
  ['update', { name: 'draft', promote: false }],
  ['promote', { version: 1 }],
  ['rollback', {}],
  ['delete', {}],
])('%s %j - five at once and again after other changes: one effect, equal answers', async (verb, more) => {
  const { assistant_id } = await create()
  await bus.ask('update', { assistant_id, name: 'two' })
  const send = () => bus.send(verb, { assistant_id, ...more }, keyed('k'))
  const replies = await five(send)
  const [first] = replies
  expect(first?.status).toBe(200)
  for (const reply of replies) expect(reply).toEqual(first)
  if (verb === 'delete') await bus.ask('create', { graph_id: 'writer', assistant_id, name: 'again' })
  else await bus.ask('update', { assistant_id, name: 'other' })
  const before = await bus.send('get', { assistant_id })
  expect(await send()).toEqual(first)
  const after = await bus.send('get', { assistant_id })
  expect([after.body, after.headers['ledger-revision']]).toEqual([
    before.body,
    before.headers['ledger-revision'],
  ])
})

test('a keyed command that changed nothing changes nothing later either', async () => {
  const { assistant_id } = await create()
  const send = () => bus.send('promote', { assistant_id, version: 1 }, keyed('noted'))
  const first = await send()
  await bus.ask('update', { assistant_id, name: 'two' })
  expect(await send()).toEqual(first)
  expect(await bus.ask('get', { assistant_id })).toMatchObject({ version: 2 })
})

test('a key with other content is refused; with another actor or assistant it is another key', async () => {
  const one = await create()
  const two = await create()
  const update = (assistant_id: string, name: string, actor?: string) =>
    bus.send('update', { assistant_id, name }, keyed('shared', actor))
  expect((await update(one.assistant_id, 'a')).status).toBe(200)
  const reused = await update(one.assistant_id, 'b')
  expect([reused.status, codeOf(reused)]).toEqual([409, 'key-reused'])
  const otherVerb = await bus.send('rollback', { assistant_id: one.assistant_id }, keyed('shared'))
  expect(codeOf(otherVerb)).toBe('key-reused')
  expect((await update(two.assistant_id, 'a')).body).toMatchObject({ version: 2, name: 'a' })
  expect((await update(one.assistant_id, 'b', 'bob')).body).toMatchObject({ version: 3, name: 'b' })
})

test('a refusal is not remembered', async () => {
  const { assistant_id } = await create()
  const promote = () => bus.send('promote', { assistant_id, version: 2 }, keyed('early'))
  expect(codeOf(await promote())).toBe('version-not-found')
  await bus.ask('update', { assistant_id, name: 'two', promote: false })
  expect((await promote()).body).toMatchObject({ version: 2 })
})
