// Every route, with whatever paths, queries, headers and bodies: each request gets one clear answer, none is the service's
// fault, and afterwards everything is as it was.
import { request as rawRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { descriptorNamed } from '../support/descriptor.js'
import { type Answer, type HttpService, startHttpService } from './service.js'

/** Requests of one run, and how many are under way at a time. */
const RUNS = 1_500
const TOGETHER = 16
const TIMEOUT_MS = 120_000
const DEPTH = 20_000
const OTHER_ID = '00000000-0000-4000-8000-000000000000'

let http: HttpService
let id: string

beforeAll(async () => {
  http = await startHttpService({ ENVIRONMENTS: 'live,staging' })
  const descriptor = descriptorNamed('known')
  await http.service.bus.ask('graphs.register', { graph_id: 'writer', runner: 'fuzz', descriptor })
  id = (await http.send('POST', '/assistants', { graph_id: 'writer', name: 'known' })).body.assistant_id
}, 90_000)
afterAll(() => http?.stop(), 30_000)

interface Fuzzed {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string | string[]>
  readonly body: string | Uint8Array
}

/** A request as it is sent, without what a client library would make good. */
function send({
  method,
  path,
  headers,
  body,
}: Fuzzed): Promise<{ status: number; text: string; type: string }> {
  return new Promise((resolve, reject) => {
    const bodyless = method === 'GET' || method === 'HEAD'
    const sent = rawRequest(
      http.url,
      {
        method,
        path,
        headers: { ...headers, ...(bodyless ? {} : { 'content-length': Buffer.byteLength(body) }) },
      },
      (answer) => {
        const chunks: Buffer[] = []
        const streams = String(answer.headers['content-type']).startsWith('text/event-stream')
        const settle = () =>
          resolve({
            status: answer.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
            type: String(answer.headers['content-type']),
          })
        answer.on('data', (chunk) => {
          chunks.push(chunk)
          if (!streams) return
          // One that goes on has said what it has to say; its connection is good for nothing else.
          settle()
          sent.destroy()
        })
        answer.on('error', reject)
        answer.on('end', settle)
      },
    )
    sent.on('error', reject)
    sent.end(bodyless ? undefined : body)
  })
}

const HOSTILE = ['__proto__', 'constructor', 'prototype', 'toString', '\u0000', '\ud800', '../..', '%', '']
const FIELDS = [
  'graph_id',
  'assistant_id',
  'name',
  'description',
  'config',
  'context',
  'metadata',
  'if_exists',
  'limit',
  'offset',
  'sort_by',
  'sort_order',
  'select',
  'version',
  'from',
  'environment',
  'replaces',
  'guard',
  'wait_ms',
  'promote',
  'promote_to',
  'delete_threads',
  'xray',
  'recurse',
  'generation',
  'revision',
  'at',
  'runner',
  'gone',
  'promotions',
  'to',
  'of',
  'path',
  'before',
  'actor',
  'type',
  'since',
  'until',
  'reason',
  'receipts',
]
const SENSIBLE = [
  'writer',
  'live',
  'staging',
  'raise',
  'do_nothing',
  'name',
  'asc',
  '1',
  '0',
  '-1',
  'true',
  'false',
]

const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.constantFrom(...SENSIBLE),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, 10, 1000, 1001, 2 ** 53, -1))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('configurable', 'tags', 'recursion_limit')), tie('any'), {
      maxKeys: 4,
    }),
  ),
})).any

/** An object's JSON text, whose keys are what they are whatever they are called. */
const object = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...FIELDS) }, { weight: 1, arbitrary: text }),
      value,
    ),
    {
      maxLength: 6,
    },
  )
  .map(
    (fields) =>
      `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(',')}}`,
  )

const body = fc.oneof(
  { weight: 6, arbitrary: object },
  { weight: 2, arbitrary: object.map((one) => one.replace('{', '{"graph_id":"writer",').replace(',}', '}')) },
  { weight: 1, arbitrary: value.map((one) => JSON.stringify(one)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '{',
      '"',
      '['.repeat(DEPTH),
      `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
    ),
  },
)

const segment = text.map((one) => encodeURIComponent(one.toWellFormed()))
const pathId = fc.oneof(
  { weight: 4, arbitrary: fc.constant('ID') },
  { weight: 1, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: segment },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: 'grapheme-ascii', maxLength: 8 })
      .map((one) => one.replaceAll(/[^!-~]/g, '')),
  },
)
/** Its own options for the most part, the same one twice now and then, and what is no query at all. */
const queryOf = (own: readonly string[]) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(
          fc.tuple(
            fc.oneof(fc.constantFrom(...own, ...own, 'wait'), fc.constantFrom(...FIELDS), segment),
            segment,
          ),
          {
            maxLength: 4,
          },
        )
        .map((pairs) =>
          pairs.length === 0 ? '' : `?${pairs.map(([name, one]) => `${name}=${one}`).join('&')}`,
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .string({ unit: 'grapheme-ascii', maxLength: 16 })
        .map((one) => `?${one.replaceAll(/[^!-~]/g, '%').replaceAll('#', '&')}`),
    },
    { weight: 1, arbitrary: fc.constantFrom('?', '?%E4=%', '?a[b]=1&a[]=2', '?=&&=', '?at=1&at=2&at=3') },
  )

const oneHeader = fc.oneof(
  fc.constantFrom('0', '"1"', '*', 'W/"3"', 'x', '%', '%E4', '-1', '9'.repeat(30), 'k'.repeat(300)),
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((one) => one.replaceAll(/[^!-~]/g, 'x')),
  // Bytes that are no ASCII are allowed in a header, and mean nothing.
  fc.constantFrom('\u00e4', '\u00ff\u0080'),
)
const header = fc.oneof(
  { weight: 5, arbitrary: oneHeader },
  { weight: 1, arbitrary: fc.array(oneHeader, { minLength: 2, maxLength: 3 }) },
)
const headers = fc.dictionary(
  fc.constantFrom(
    'idempotency-key',
    'if-match',
    'x-actor',
    'x-reason',
    'x-request-id',
    'traceparent',
    'content-type',
    'authorization',
    'origin',
    'ledger-min-position',
    'last-event-id',
    'accept',
    'content-encoding',
    'if-none-match',
    'x-api-key',
    'x-auth-scheme',
    'x-forwarded-host',
    'access-control-request-method',
    'access-control-request-headers',
  ),
  header,
  { maxKeys: 3 },
)

interface Route {
  readonly method: string
  readonly path: string
  /** The names of its query's options. */
  readonly options: readonly string[]
}

/** The routes as the service itself names them, each with the methods that it has, and some that it has not. */
async function routes(): Promise<Route[]> {
  interface Operation {
    readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  }
  const { body: document } = await http.send('GET', '/openapi.json')
  const all = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        path,
        options: parameters.filter((one) => one.in === 'query').map(({ name }) => name),
      })),
  )
  const others = [
    ['GET', '/assistants'],
    ['PUT', '/assistants/{assistant_id}'],
    ['OPTIONS', '/assistants/{assistant_id}'],
    ['HEAD', '/assistants/{assistant_id}'],
    ['POST', '/threads'],
    ['POST', '/openapi.json'],
    ['HEAD', '/ok'],
  ] as const
  return [...all, ...others.map(([method, path]) => ({ method, path, options: [] }))]
}

/** The state that no refused request may have changed, of this process too: pollution would show in any object. */
const polluted = () => [({} as Record<string, unknown>).a, ({} as Record<string, unknown>).name]

test(
  'no request is the fault of the service, and none is left without an answer',
  async () => {
    const known = await routes()
    // A wait for a position that does not come, and for a receipt, is a bounded one; here it would only take long.
    const fuzzed = fc
      .tuple(
        fc.constantFrom(...known).chain((route) => fc.tuple(fc.constant(route), queryOf(route.options))),
        pathId,
        segment,
        headers,
        body,
      )
      .map(([[{ method, path: route }, options], assistant, part, sent, text]): Fuzzed => {
        const path = route
          // Deleted, the one that there is would be there for no request after.
          .replace('{assistant_id}', assistant === 'ID' ? (method === 'DELETE' ? OTHER_ID : id) : assistant)
          .replace(/\{\w+\}/, part || 'x')
        return { method, path: path + options, headers: sent, body: text }
      })
      .filter(({ headers: sent }) => !/^\d+(,|$)/.test(String(sent['ledger-min-position'] ?? '')))
    const seen = new Map<number, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(fuzzed, { minLength: TOGETHER, maxLength: TOGETHER }), async (requests) => {
        const answers = await Promise.all(requests.map(send))
        for (const [index, { status, text, type }] of answers.entries()) {
          const { method, path } = requests[index] as Fuzzed
          const what = `${method} ${path}: ${status} ${text.slice(0, 300)}`
          if (status >= 500 || status < 200) throw new Error(what)
          seen.set(status, (seen.get(status) ?? 0) + 1)
          if (status === 200 && text === '' && method !== 'HEAD') throw new Error(`${what} (no body)`)
          if (status >= 400 && method !== 'HEAD') {
            if (!type.startsWith('application/json')) throw new Error(`${what} (${type})`)
            if (typeof JSON.parse(text).detail !== 'string') throw new Error(what)
          }
        }
      }),
      { numRuns: Math.ceil(RUNS / TOGETHER), endOnFailure: true },
    )
    // It went all the way in, not only as far as the first check.
    for (const status of [200, 404, 422]) expect(seen.get(status)).toBeGreaterThan(0)
    const after: Answer = await http.send('POST', '/assistants', { graph_id: 'writer' })
    expect(after.body).toMatchObject({ name: 'Untitled', config: {}, context: {}, metadata: {}, version: 1 })
    expect(polluted()).toEqual([undefined, undefined])
    expect((await http.send('GET', '/ok')).status).toBe(200)
    expect(http.service.registry.said()).not.toMatch(/failed \(|Error:/)
  },
  TIMEOUT_MS,
)

test(
  'bytes that are no HTTP, and a request that breaks off, end their connection alone',
  async () => {
    const { port } = new URL(http.url)
    for (const bytes of [
      'hello\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST /assistants HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n',
      'POST /assistants HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET /ok HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      'GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n',
    ]) {
      const answer = await new Promise<string>((resolve) => {
        let text = ''
        const socket = connect(Number(port), '127.0.0.1', () => socket.end(bytes))
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('error', () => resolve(text))
        socket.on('close', () => resolve(text))
      })
      const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
      expect([bytes.slice(0, 40), head]).toEqual([
        bytes.slice(0, 40),
        expect.stringMatching(/^HTTP\/1.1 4\d\d /),
      ])
      expect(typeof JSON.parse(body).detail).toBe('string')
    }
    expect((await http.send('GET', '/ok')).status).toBe(200)
  },
  TIMEOUT_MS,
)
