// scripts/request.mjs as a person runs it, against a real NATS: what arrives there, and what never does.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

const TEST_TIMEOUT_MS = 30_000
const SUBJECT = 'assistants.v1.press.'

let nats: NatsServer
let connection: NatsConnection
let noStack: string
let heard: { verb: string; body: string; headers: Record<string, string> }[] = []

beforeAll(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url })
  noStack = await mkdtemp(join(tmpdir(), 'request-'))
  for (const verb of ['*', 'runs.writer', 'graphs.register'])
    connection.subscribe(SUBJECT + verb, { callback: answer })
  // Whatever else is sent is heard too, though nobody answers it.
  connection.subscribe(`${SUBJECT}events.>`, { callback: hear })
  await connection.flush()
})

afterAll(async () => {
  await connection?.close()
  await nats?.stop()
  await rm(noStack, { recursive: true, force: true })
})

beforeEach(() => {
  heard = []
})

function hear(_error: unknown, msg: Msg): void {
  const sent = [...(msg.headers ?? [])].map(([name, values]) => [name, values.join(', ')])
  heard.push({
    verb: msg.subject.slice(SUBJECT.length),
    body: msg.string(),
    headers: Object.fromEntries(sent),
  })
}

function answer(error: unknown, msg: Msg): void {
  hear(error, msg)
  const reply = headers()
  if (msg.subject.endsWith('.get')) {
    reply.set('Nats-Service-Error', 'not-found: nothing here')
    reply.set('Nats-Service-Error-Code', '404')
    msg.respond('{"code":"not-found","detail":"nothing here"}', { headers: reply })
  } else if (msg.subject.endsWith('.promote')) {
    const converged = msg.json<{ version: number }>().version === 1
    msg.respond(JSON.stringify({ version: 7, receipt: { converged } }))
  } else {
    reply.set('Ledger-Revision', '7')
    msg.respond('{"version":7}', { headers: reply })
  }
}

async function request(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['scripts/request.mjs', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, NATS_URL: nats.url, PROJECT: 'press', DATA_DIR: noStack, ...env },
  })
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { out, err, code }
}

test(
  'request - sends the verb, the body as it is and every header, and shows the answer with its headers',
  async () => {
    const body = '{"assistant_id":"a", "n":1.0}'
    const { out, err, code } = await request(['update', body, 'Idempotency-Key: k-1', 'X-Actor:ada: a b'])
    expect({ answer: JSON.parse(out), err, code }).toEqual({
      answer: { version: 7 },
      err: 'Ledger-Revision: 7\n',
      code: 0,
    })
    expect(heard).toEqual([
      { verb: 'update', body, headers: { 'Idempotency-Key': 'k-1', 'X-Actor': 'ada: a b' } },
    ])
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - without a body asks with an empty one, and asks runners too',
  async () => {
    expect((await request(['fleet'])).code).toBe(0)
    expect((await request(['runs.writer', '{"assistant_id":"a"}'])).code).toBe(0)
    expect(heard).toEqual([
      { verb: 'fleet', body: '{}', headers: {} },
      { verb: 'runs.writer', body: '{"assistant_id":"a"}', headers: {} },
    ])
  },
  TEST_TIMEOUT_MS,
)

test.each(['history', 'diff', 'blame', 'impact', 'graphs.register'])(
  'request - asks with %s, and says in its usage that it does',
  async (verb) => {
    expect((await request([verb, '{"graph_id":"a"}'])).code).toBe(0)
    expect(heard).toEqual([{ verb, body: '{"graph_id":"a"}', headers: {} }])
    expect((await request(['--help'])).out).toMatch(new RegExp(`verbs [^:]*\\b${verb}\\b`))
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - a refusal is shown and ends with 1',
  async () => {
    const { out, err, code } = await request(['get', '{"assistant_id":"a"}'])
    expect(code).toBe(1)
    expect(err).toContain('Nats-Service-Error: not-found: nothing here\n')
    expect(JSON.parse(out)).toEqual({ code: 'not-found', detail: 'nothing here' })
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - a receipt that was waited for and is not there ends with 3',
  async () => {
    const waits = '{"assistant_id":"a","wait":"converged","wait_ms":1}'
    expect((await request(['update', waits])).code).toBe(3)
    expect((await request(['update', '{"assistant_id":"a"}'])).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - a receipt that has not converged ends with 3, one that has with 0',
  async () => {
    expect((await request(['promote', '{"version":1}'])).code).toBe(0)
    expect((await request(['promote', '{"version":2}'])).code).toBe(3)
  },
  TEST_TIMEOUT_MS,
)

test.each([
  [['update', '{}', 'Idempotency-Key'], 'the argument "Idempotency-Key" is not a header'],
  [['update', '{}', 'Idempotency-Key:'], 'the argument "Idempotency-Key:" is not a header'],
  [['update', '{}', ': k-1'], 'the argument ": k-1" is not a header'],
  [['update', '{}', 'X Actor: ada'], 'the header "X Actor: ada" has a name'],
  [['update', '{}', 'X-Actör: ada'], 'the header "X-Actör: ada" has a name'],
  [['update', '{}', 'X-Reason: a\nb'], 'the header "X-Reason: a\\nb" has a value of more than one line'],
  [['update', '{}', 'X-Actor: ada', 'x-actor: bob'], 'the header x-actor is given twice'],
  [['update', '{"assistant_id":'], 'the request "{\\"assistant_id\\":" is not JSON'],
  [['update', 'Idempotency-Key: k-1'], 'the request "Idempotency-Key: k-1" is not JSON'],
  [['update', '[]'], 'the request "[]" is JSON, but not an object'],
  [['events.writer.a', '{}'], '"events.writer.a" is neither runs.<graph> nor one of create'],
  [['runs.', '{}'], '"runs." is neither'],
  [['runs.*', '{}'], '"runs.*" is neither'],
  [['updte', '{}'], '"updte" is neither'],
])(
  'request - %j is refused before anything is sent',
  async (args, reason) => {
    const { out, err, code } = await request(args)
    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(err.startsWith(`nothing was sent: ${reason}`)).toBe(true)
    expect(err).toContain('--help')
    await connection.flush()
    expect(heard).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - a setting that cannot be used, or no NATS, is said, and that nothing was sent',
  async () => {
    expect(await request(['fleet'], { NATS_URL: 'http://x' })).toMatchObject({
      err: expect.stringMatching(/^nothing was sent: NATS_URL is /),
      code: 2,
    })
    expect(await request(['fleet'], { NATS_URL: 'nats://127.0.0.1:1' })).toMatchObject({
      err: expect.stringMatching(/^nothing was sent: no connection to nats:\/\/127\.0\.0\.1:1: /),
      code: 1,
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - with nobody to answer it says who is awaited',
  async () => {
    expect(await request(['runs.editor', '{}'])).toMatchObject({
      err: expect.stringMatching(/no runner of the graph editor takes runs in the project press/),
      code: 1,
    })
    expect(await request(['fleet'], { PROJECT: 'empty' })).toMatchObject({
      err: expect.stringMatching(/no registry is there for the project empty/),
      code: 1,
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'request - shows its usage with examples when it is asked, and when it is told nothing',
  async () => {
    const asked = await request(['--help'])
    const told = await request([])
    expect([asked.code, told.code]).toEqual([0, 2])
    expect(asked.out).toBe(told.err)
    for (const example of ['Idempotency-Key: ', '"wait":"converged"', "fleet '{}'", 'runs.writer '])
      expect(asked.out).toContain(example)
  },
  TEST_TIMEOUT_MS,
)
