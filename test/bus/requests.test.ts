// Every kind of request that a broker lets through: one clear answer each, in the requester's own form.
import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { NatsConnection } from '@nats-io/transport-node'
import { ClientNats, NatsRecordBuilder } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
import type { NatsServer } from '../support/nats-server.js'
import { ask, askJson, type Bus, requester, startBus, startNatsServer } from './bus.support.js'

let server: NatsServer
let client: NatsConnection
let bus: Bus

beforeAll(async () => {
  server = await startNatsServer()
  bus = await startBus(server)
  client = await requester(server)
})

afterAll(async () => {
  await client?.close()
  await bus?.app.close()
  await server?.stop()
})

describe('bus - plain JSON', () => {
  test('is answered in plain JSON, with the headers of the reply', async () => {
    const answer = await askJson(client, 'get', { assistant_id: 'a' })
    expect(answer).toEqual({ body: { assistant_id: 'a' }, headers: { 'Ledger-Revision': '7' }, error: '' })
    expect((await askJson(client, 'delete', {})).body).toBeNull()
  })

  test('keys such as __proto__ and constructor are ordinary keys', async () => {
    const text = '{"__proto__":{"a":1},"constructor":{"b":2},"toString":"c"}'
    const message = await client.request('assistants.v1.p.get', text)
    expect(message.string()).toBe(text)
  })

  test('header names are case-insensitive, and X-Actor and X-Reason percent-encoded UTF-8', async () => {
    const sent = { 'idempotency-KEY': 'k%20', 'x-actor': 'Zo%C3%AB', 'X-REASON': '%E2%9C%93 100%25' }
    const { body } = await askJson(client, 'headers', {}, sent)
    expect(body).toEqual({ 'idempotency-key': 'k%20', 'x-actor': 'Zoë', 'x-reason': '✓ 100%' })
  })

  test.each([
    ['percent-encoding that is none', { 'X-Reason': '100%' }],
    ['a header twice with two values', { 'If-Match': '1', 'if-match': '2' }],
  ])('%s is refused', async (_what, headers) => {
    const answer = await askJson(client, 'get', {}, headers)
    expect(answer).toMatchObject({ error: '422', body: { code: 'invalid-request' } })
  })
})

describe('bus - bad requests', () => {
  const deep = (open: string, close: string) => open.repeat(20_000) + close.repeat(20_000)
  const event = { specversion: '1.0', type: 't', source: '/s', id: '1', data: { assistant_id: 'a' } }
  test.each<[string, string | Uint8Array, RegExp]>([
    ['empty', '', /empty/],
    ['not JSON', '{"a":', /not JSON/],
    ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
    ['null', 'null', /null/],
    ['an array', '[1,2]', /an array/],
    ['a number', '12', /a number/],
    ['an array 20,000 levels deep', deep('[', ']'), /an array/],
    ['a deep array left open', '['.repeat(20_000), /not JSON/],
    ['a CloudEvents envelope', JSON.stringify(event), /CloudEvents/],
    ['a packet with an object as its id', '{"pattern":"get","data":{},"id":{"a":1}}', /id of a Nest packet/],
    ['a packet with null as its id', '{"pattern":"get","data":{},"id":null}', /id of a Nest packet/],
    ['a packet with an empty id', '{"pattern":"get","data":{},"id":""}', /id of a Nest packet/],
    ['a packet with a long id', `{"pattern":"get","data":{},"id":"${'i'.repeat(129)}"}`, /id of a Nest/],
    ['a packet with half a surrogate', '{"pattern":"get","data":{},"id":"\\ud800"}', /id of a Nest packet/],
  ])('%s: one clear refusal, and no handler runs', async (_what, payload, detail) => {
    const before = bus.desk.seen.length
    const answer = await ask(client, 'get', payload)
    expect(answer.error).toBe('422')
    expect(answer.headers['Nats-Service-Error']).toMatch(/^invalid-request: /)
    expect(answer.body).toMatchObject({ code: 'invalid-request', detail: expect.stringMatching(detail) })
    expect(bus.desk.seen.length).toBe(before)
  })

  test('an object 20,000 levels deep and one of 2 MiB reach the handler, which says what it allows', async () => {
    const nested = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
    expect(await ask(client, 'delete', nested)).toMatchObject({ error: '', body: null })
    const large = JSON.stringify({ a: 'x'.repeat(2 * 1024 * 1024) })
    expect(await ask(client, 'delete', large)).toMatchObject({ error: '', body: null })
  })

  test('a CloudEvent in structured mode is told by its content type as well', async () => {
    const answer = await askJson(
      client,
      'get',
      {},
      { 'Content-Type': 'application/cloudevents+json; charset=utf-8' },
    )
    expect(answer.body).toMatchObject({
      code: 'invalid-request',
      detail: expect.stringMatching(/CloudEvents/),
    })
  })

  test('what looks like a packet but has another field is a plain request', async () => {
    const lookalike = { pattern: 'get', data: { a: 1 }, id: '1', more: true }
    expect((await askJson(client, 'get', lookalike)).body).toEqual(lookalike)
    expect((await askJson(client, 'get', { data: { a: 1 }, id: '1' })).body).toEqual({
      data: { a: 1 },
      id: '1',
    })
  })

  test.each(['toString', '__proto__', 'fetch', 'GET'])('the verb %s is unknown', async (verb) => {
    const answer = await askJson(client, verb, {})
    expect(answer).toMatchObject({ error: '404', body: { code: 'unknown-verb' } })
  })

  test('a header name that cannot be read is refused, and the connection lives on', async () => {
    const inbox = 'inbox.raw.1'
    const subscription = client.subscribe(inbox, { max: 1 })
    await client.flush()
    const head = 'NATS/1.0\r\nbad name: 1\r\n\r\n'
    const frame = `HPUB assistants.v1.p.get ${inbox} ${head.length} ${head.length + 2}\r\n${head}{}\r\n`
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.write(`CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n${frame}PING\r\n`)
    for await (const message of subscription)
      expect(message.json()).toMatchObject({
        code: 'invalid-request',
        detail: expect.stringMatching(/header/),
      })
    socket.destroy()
    expect((await askJson(client, 'delete', {})).body).toBeNull()
  })

  test('an answer never goes where it would be a command itself', async () => {
    const before = bus.desk.seen.length
    client.publish('assistants.v1.p.get', '{}', { reply: 'assistants.v1.p.delete' })
    client.publish('assistants.v1.p.get', '{}', { reply: '$KV.assistant_configs_p.live.g.a' })
    await client.flush()
    await askJson(client, 'delete', {})
    expect(bus.desk.seen.length).toBe(before + 1)
  })
})

describe('bus - outcomes', () => {
  test('exactly one answer to each request', async () => {
    const answers: string[] = []
    const inbox = 'inbox.once'
    client.subscribe(inbox, { callback: (_error, message) => void answers.push(message.string()) })
    for (const payload of ['', 'null', '{}', '{"pattern":"x","data":{},"id":"1"}'])
      client.publish('assistants.v1.p.get', payload, { reply: inbox })
    await askJson(client, 'get', {})
    await client.flush()
    expect(answers).toHaveLength(4)
  })

  test('a request without a reply subject is executed', async () => {
    const before = bus.desk.seen.length
    client.publish('assistants.v1.p.delete', '{"assistant_id":"quiet"}')
    await bus.desk.reached(before + 1)
    expect(bus.desk.seen.at(-1)).toMatchObject({ verb: 'delete', body: { assistant_id: 'quiet' } })
  })

  test('a refusal has its fields in the body, and one line in the header', async () => {
    const answer = await askJson(client, 'refuse', {})
    expect(answer.body).toEqual({
      code: 'revision-mismatch',
      detail: 'The revision is 4:\nnot 3',
      revision: 4,
    })
    expect(answer.headers).toEqual({
      'Nats-Service-Error': 'revision-mismatch: The revision is 4: not 3',
      'Nats-Service-Error-Code': '412',
    })
  })

  test.each(['crash', 'nothing'])(
    'a handler that fails (%s) tells nothing but an id of the log',
    async (verb) => {
      const answer = await askJson(client, verb, {})
      expect(answer).toMatchObject({ error: '500', body: { code: 'internal' } })
      expect(JSON.stringify(answer)).not.toContain('secret')
      expect((answer.body as { detail: string }).detail).toMatch(/[0-9a-f-]{36}$/)
    },
  )

  test('a reply larger than the broker allows names limit and select', async () => {
    const answer = await askJson(client, 'search', { size: 9 * 1024 * 1024 })
    expect(answer).toMatchObject({ error: '413', body: { code: 'too-large' } })
    expect((answer.body as { detail: string }).detail).toMatch(/`limit`.*`select`/)
    expect(answer.headers['Ledger-Position']).toBe('12')
    expect((await askJson(client, 'search', { size: 3 })).body).toBe('xxx')
  })
})

describe('bus - Nest packets', () => {
  let nest: ClientNats
  const send = (verb: string, data: unknown) =>
    lastValueFrom(nest.send(`assistants.v1.p.${verb}`, data as object))

  beforeAll(async () => {
    nest = new ClientNats({ servers: [server.url] })
    await nest.connect()
  })

  afterAll(() => nest?.close())

  test('a ClientProxy gets its answer, null too', async () => {
    expect(await send('get', { assistant_id: 'a' })).toEqual({ assistant_id: 'a' })
    expect(await send('delete', {})).toBeNull()
  })

  test('a ClientProxy gets refusals as errors', async () => {
    await expect(send('refuse', {})).rejects.toMatchObject({ code: 'revision-mismatch', revision: 4 })
    await expect(send('crash', {})).rejects.toMatchObject({ code: 'internal' })
    await expect(send('fetch', {})).rejects.toMatchObject({ code: 'unknown-verb' })
    await expect(send('get', [1])).rejects.toMatchObject({ code: 'invalid-request' })
    await expect(send('search', { size: 9 * 1024 * 1024 })).rejects.toMatchObject({ code: 'too-large' })
  })

  test('a record brings headers', async () => {
    const { headers } = await import('@nats-io/transport-node')
    const sent = headers()
    sent.set('X-Reason', 'a%20b')
    const record = new NatsRecordBuilder({}).setHeaders(sent).build()
    expect(await send('headers', record)).toEqual({ 'x-reason': 'a b' })
  })

  test('the packet goes back by its id, with the headers as well; numbers are ids too', async () => {
    const { body, headers } = await askJson(client, 'get', { pattern: 'other', data: { a: 1 }, id: 0 })
    expect(body).toEqual({ response: { a: 1 }, isDisposed: true, id: 0 })
    expect(headers).toEqual({ 'Ledger-Revision': '7' })
    const refused = await askJson(client, 'refuse', { pattern: 'refuse', data: {}, id: 'abc' })
    expect(refused.body).toMatchObject({ err: { code: 'revision-mismatch' }, isDisposed: true, id: 'abc' })
    expect(refused.error).toBe('412')
  })

  test('emit is executed without an answer', async () => {
    const before = bus.desk.seen.length
    await lastValueFrom(nest.emit('assistants.v1.p.delete', { assistant_id: 'e' }), { defaultValue: null })
    await bus.desk.reached(before + 1)
    expect(bus.desk.seen.at(-1)?.body).toEqual({ assistant_id: 'e' })
  })
})
