// Guarantee 8 against the whole service: everything that a broken or hostile client can send, one after another to
// one registry. Each request gets exactly one answer, a clear one, and the next good request is answered as before.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createInbox, headers as natsHeaders } from '@nats-io/transport-node'
import { type Assistant, ask, PROJECT } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { until } from './until.js'

const ANSWER_DEADLINE_MS = 10_000
const DEPTH = 20_000
const MIB = 1024 * 1024
const ID = randomUUID()

const deep = `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`
const create = (fields: string) => `{"graph_id":"writer"${fields && `,${fields}`}}`
const aContext = (context: string) => create(`"context":${context}`)

interface Bad {
  readonly name: string
  readonly verb?: string
  readonly body: string | Uint8Array
  readonly headers?: Record<string, string>
  /** The codes that are a clear answer. */
  readonly code: RegExp
}

const INVALID = /^invalid-request$/
const CONTENT = /^invalid-(config|request)$/

const BAD: readonly Bad[] = [
  { name: 'empty', body: '', code: INVALID },
  { name: 'not JSON', body: 'hello', code: INVALID },
  { name: 'half of a JSON text', body: '{"graph_id":', code: INVALID },
  { name: 'bytes that are no UTF-8', body: Uint8Array.of(0x22, 0xff, 0xfe, 0x22), code: INVALID },
  { name: 'null', body: 'null', code: INVALID },
  { name: 'an array', body: '[1,2]', code: INVALID },
  { name: 'a number', body: '7', code: INVALID },
  { name: 'a text', body: '"writer"', code: INVALID },
  {
    name: '2 MiB',
    body: aContext(`{"text":"${'x'.repeat(2 * MIB)}"}`),
    code: /^(invalid-config|too-large)$/,
  },
  { name: '20,000 levels deep', body: deep, code: INVALID },
  { name: 'a context 20,000 levels deep', body: aContext(deep), code: CONTENT },
  { name: 'an array 20,000 levels deep', body: '['.repeat(DEPTH) + ']'.repeat(DEPTH), code: INVALID },
  { name: 'a lone surrogate', body: aContext('{"text":"\\ud800"}'), code: CONTENT },
  { name: 'a lone surrogate in a key', body: aContext('{"\\udc00":1}'), code: CONTENT },
  { name: 'a lone surrogate in the name', body: create('"name":"\\ud800"'), code: CONTENT },
  { name: 'an integer beyond 2^53', body: aContext('{"n":9007199254740993}'), code: CONTENT },
  { name: 'a number beyond all', body: aContext('{"n":1e999}'), code: CONTENT },
  { name: 'an unknown field', body: create('"colour":"red"'), code: INVALID },
  { name: 'an unknown field named __proto__', body: create('"__proto__":{"name":"x"}'), code: INVALID },
  { name: 'an unknown field named constructor', body: create('"constructor":{}'), code: INVALID },
  { name: 'a graph_id of another type', body: '{"graph_id":7}', code: INVALID },
  { name: 'no graph_id', body: '{}', code: INVALID },
  { name: 'a context that is a list', body: aContext('[]'), code: INVALID },
  { name: 'a config that is a text', body: create('"config":"x"'), code: INVALID },
  { name: 'an assistant_id that is none', body: create('"assistant_id":"x"'), code: INVALID },
  { name: 'if_exists of another value', body: create('"if_exists":"maybe"'), code: INVALID },
  { name: 'a graph that is not there', body: '{"graph_id":"nowhere"}', code: /^graph-not-found$/ },
  { name: 'a graph named __proto__', body: '{"graph_id":"__proto__"}', code: /^graph-not-found$/ },
  {
    name: 'config and context',
    body: create('"config":{"configurable":{"a":1}},"context":{"b":2}'),
    code: /^config-and-context$/,
  },
  {
    name: 'a CloudEvents envelope',
    body: JSON.stringify({
      specversion: '1.0',
      id: 'e-1',
      type: 'create',
      source: '/faults',
      datacontenttype: 'application/json',
      data: { graph_id: 'writer' },
    }),
    code: INVALID,
  },
  { name: 'limit 0', verb: 'search', body: '{"limit":0}', code: INVALID },
  { name: 'limit 1001', verb: 'search', body: '{"limit":1001}', code: INVALID },
  { name: 'a limit with a fraction', verb: 'search', body: '{"limit":1.5}', code: INVALID },
  { name: 'an offset below 0', verb: 'search', body: '{"offset":-1}', code: INVALID },
  { name: 'sorted by nothing known', verb: 'search', body: '{"sort_by":"; drop table"}', code: INVALID },
  { name: 'select of nothing known', verb: 'search', body: '{"select":["password"]}', code: INVALID },
  { name: 'metadata 20,000 levels deep', verb: 'search', body: `{"metadata":${deep}}`, code: CONTENT },
  { name: 'a get of nothing', verb: 'get', body: '{}', code: INVALID },
  {
    name: 'an environment that is not there',
    verb: 'get',
    body: `{"assistant_id":"${ID}","environment":"moon"}`,
    code: /^unknown-environment$/,
  },
  {
    name: 'version 0',
    verb: 'promote',
    body: `{"assistant_id":"${ID}","version":0}`,
    code: /^(invalid-request|version-not-found)$/,
  },
  {
    name: 'version 7 of 1',
    verb: 'promote',
    body: `{"assistant_id":"${ID}","version":7}`,
    code: /^version-not-found$/,
  },
  {
    name: 'an If-Match that is no revision',
    verb: 'delete',
    body: `{"assistant_id":"${ID}"}`,
    headers: { 'If-Match': 'abc' },
    code: INVALID,
  },
  {
    name: 'an If-Match of another revision',
    verb: 'delete',
    body: `{"assistant_id":"${ID}"}`,
    headers: { 'If-Match': '999' },
    code: /^revision-mismatch$/,
  },
  { name: 'a verb that is none', verb: 'toString', body: '{}', code: /^unknown-verb$/ },
]

let day: Day
beforeAll(async () => {
  day = await beginDay()
  await ask(day.connection, 'create', { assistant_id: ID, graph_id: 'writer' })
}, TEST_TIMEOUT_MS)
afterAll(() => day.end())

interface Reply {
  readonly refused: boolean
  readonly status: string
  readonly text: string
}

/** Sends, waits for the first answer, then asks something good behind it: a second answer would have come by then. */
async function answersTo({
  verb = 'create',
  body,
  headers = {},
}: Pick<Bad, 'verb' | 'body' | 'headers'>): Promise<Reply[]> {
  const { connection } = day
  const replies: Reply[] = []
  const inbox = createInbox()
  const subscription = connection.subscribe(inbox, {
    callback: (_, message) => {
      replies.push({
        refused: message.headers?.has('Nats-Service-Error') ?? false,
        status: message.headers?.get('Nats-Service-Error-Code') ?? '',
        text: message.string(),
      })
    },
  })
  const sent = natsHeaders()
  for (const [name, value] of Object.entries(headers)) sent.set(name, value)
  connection.publish(`assistants.v1.${PROJECT}.${verb}`, body, { reply: inbox, headers: sent })
  await until(
    'an answer',
    ANSWER_DEADLINE_MS,
    () => replies.length,
    (count) => count > 0,
  )
  const good = await ask<Assistant>(connection, 'get', { assistant_id: ID })
  expect(good.body.assistant_id).toBe(ID)
  subscription.unsubscribe()
  return replies
}

test.each(BAD)('bad input - $name: one clear refusal, nothing else affected', async (bad) => {
  const { pid } = day.registry
  const replies = await answersTo(bad)
  expect(replies).toHaveLength(1)
  const [reply] = replies as [Reply]
  expect(reply.refused).toBe(true)
  expect(JSON.parse(reply.text)).toMatchObject({
    code: expect.stringMatching(bad.code),
    detail: expect.stringMatching(/\S/),
  })
  expect(Number(reply.status)).toBeGreaterThanOrEqual(400)
  expect(day.registry.pid).toBe(pid)
})

test('bad input - a packet with a forged id gets one packet back, with that id', async () => {
  const forged = { pattern: 'delete', data: { assistant_id: ID }, id: '__proto__' }
  const replies = await answersTo({ verb: 'get', body: JSON.stringify(forged) })
  expect(replies).toHaveLength(1)
  // The subject decides what is done, whatever pattern the packet claims.
  expect(JSON.parse((replies[0] as Reply).text)).toMatchObject({
    id: '__proto__',
    isDisposed: true,
    response: { assistant_id: ID },
  })
})

const sortedEntries = (object: object) =>
  Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1))

test('bad input - keys that JavaScript knows, and NUL, are kept and read back equal', async () => {
  const context =
    '{"__proto__":{"a":1},"constructor":2,"toString":[null],"hasOwnProperty":"x","nul":"a\\u0000b"}'
  const assistant_id = randomUUID()
  const [made] = await answersTo({ body: create(`"assistant_id":"${assistant_id}","context":${context}`) })
  const [read] = await answersTo({ verb: 'get', body: JSON.stringify({ assistant_id }) })
  const wanted = JSON.parse(context.replace('\\u0000', '\\ufffd'))
  for (const reply of [made, read]) {
    const shown = JSON.parse(reply?.text ?? '')
    expect(sortedEntries(shown.context)).toEqual(sortedEntries(wanted))
  }
})

test('bad input - after all of it, only what was asked for is there', async () => {
  const { body } = await ask<number>(day.connection, 'count', { graph_id: 'writer' })
  // This file's two, and the graph's own system assistant.
  expect(body).toBe(3)
})
