// Whatever JSON a client can write is read back equal, or refused with one clear answer: nothing in between.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Assistant, BusClient } from '../support/bus.js'
import { type Service, startService } from '../support/service.js'

let service: Service
let bus: BusClient

beforeAll(async () => {
  service = await startService()
  bus = service.bus
}, 90_000)

afterAll(() => service?.stop(), 30_000)

const create = (context: string) => bus.sendText('create', `{"graph_id":"writer","context":${context}}`)

test.each([
  '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x","hasOwnProperty":[],"valueOf":null}',
  '{"a":{"__proto__":[{"__proto__":null}]}}',
  '{"":"empty key","💡":"😀","ключ":"текст","\\u2028":"\\u2029"}',
  '{"numbers":[0,-1.5,1e-7,5e-324,0.1,9007199254740991,-9007199254740991]}',
  '{"then":"not a promise","$ref":"#/x","__v":0,"length":3}',
])('reads %s back equal', async (context) => {
  const sent = JSON.parse(context)
  const made = await create(context)
  expect(made.status).toBe(200)
  const { assistant_id } = made.body as Assistant
  const shown = await bus.ask('get', { assistant_id })
  const version = await bus.ask('version', { assistant_id, version: 1 })
  for (const answer of [made.body as Assistant, shown, version]) {
    expect(keysDeep(answer.context)).toEqual(keysDeep(sent))
    expect(JSON.stringify(sorted(answer.context))).toBe(JSON.stringify(sorted(sent)))
  }
})

test('replaces NUL by U+FFFD, in keys too', async () => {
  const { status, body } = await create('{"a\\u0000b":"c\\u0000d"}')
  expect(status).toBe(200)
  expect((body as Assistant).context).toEqual({ 'a\ufffdb': 'c\ufffdd' })
})

test.each([
  ['a lone surrogate', '{"a":"\\ud800"}'],
  ['a key with a lone surrogate', '{"\\udc00":1}'],
  ['an integer beyond 2^53', '{"a":9007199254740993}'],
  ['a number beyond every double', '{"a":1e999}'],
  ['33 levels', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['20,000 levels', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
  ['20,000 arrays', `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
])('refuses %s', async (_, context) => {
  const reply = await create(context)
  expect(reply).toMatchObject({ status: 422, body: { code: 'invalid-config' } })
})

test('takes 30 levels of context, which are 32 of content where config mirrors them', async () => {
  const { status } = await create(`${'{"a":'.repeat(30)}1${'}'.repeat(30)}`)
  expect(status).toBe(200)
})

test.each(['__proto__', 'constructor', 'toString'])('refuses %s as a field of the request', async (field) => {
  const reply = await bus.sendText('create', `{"graph_id":"writer","${field}":{}}`)
  expect(reply).toMatchObject({ status: 422, body: { code: 'invalid-request', field } })
})

test('searches by odd metadata without harm', async () => {
  const metadata = '{"__proto__":{"a":[1]},"constructor":"x"}'
  await bus.sendText('create', `{"graph_id":"writer","metadata":${metadata}}`)
  const found = await bus.sendText('count', `{"metadata":${metadata}}`)
  expect(found.body).toBe(1)
  const deep = await bus.sendText('count', `{"metadata":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`)
  expect(deep).toMatchObject({ status: 422, body: { code: 'invalid-config' } })
})

test('headers that cannot be read are refused', async () => {
  const body = { graph_id: 'writer' }
  expect((await bus.send('create', body, { 'Idempotency-Key': 'k'.repeat(256) })).status).toBe(422)
  expect((await bus.send('create', body, { 'X-Actor': 'a'.repeat(256) })).status).toBe(422)
  const odd = await bus.send('create', body, { 'X-Reason': encodeURIComponent('weil ✓'), traceparent: 'odd' })
  expect(odd.status).toBe(200)
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)])
}

function keysDeep(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Object.keys(value)
        .sort()
        .map((key) => [key, keysDeep((value as Record<string, unknown>)[key])])
    : null
}
