// A part that all replicas need is away: killed, or frozen so that its connections stay and nobody answers. Every
// request has its answer in bounded time, readiness says which part it is, and all goes on by itself when it is back.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Keyed } from '../faults/commands.js'
import { until } from '../faults/until.js'
import { type BusClient, busClient, type Reply } from '../support/bus.js'
import { type Grown, growOut } from './grown.js'
import { type Ready, readyOf, WELL } from './ready.js'

const DEADLINE_MS = 30_000
/** Whatever is away, nobody waits longer for an answer; what a loaded machine adds is in it. */
const ANSWER_MS = 15_000
/** Commands of one assistant that are asked for at once. */
const IN_LINE = 6

let grown: Grown
let bus: BusClient
let assistant_id: string
beforeAll(async () => {
  grown = await growOut({ replicas: 2 })
  bus = busClient(grown.connection)
  ;({ assistant_id } = await bus.ask('create', { graph_id: 'writer' }))
}, 120_000)
afterEach(async () => {
  // What a test that failed has left away.
  await Promise.all([grown.store.thaw(), grown.postgres.thaw()])
}, 60_000)
afterAll(() => grown?.end(), 60_000)

const readiness = () => Promise.all([...grown.replicas].map(readyOf))

const all = (what: string, accept: (ready: Ready) => boolean) =>
  until(what, DEADLINE_MS, readiness, (each) => each.every(accept))

/** Both replicas lack that part and say so, in that word; they lack nothing else. */
async function expectMissing(part: string, word: string): Promise<void> {
  await all(`${part} ${word}`, ({ words }) => words[part] === word)
  for (const { code, words } of await readiness()) {
    expect(code).toBe(503)
    expect(words).toMatchObject({ ...WELL, ...DEGRADED, [part]: word })
  }
}

/** What is behind or held up because of a part that is away. */
const DEGRADED = {
  read_model: expect.stringMatching(/^(current|behind)$/),
  publication: expect.stringMatching(/^(current|standby|held-up|behind)$/),
}

async function expectWellAgain(): Promise<void> {
  await all('all well again', ({ code }) => code === 200)
  const settled = ({ words }: Ready) => Object.values(words).every((word) => !/held-up|behind/.test(word))
  const { answer } = await all('nothing behind', settled)
  for (const { words } of answer) expect(words).toEqual(WELL)
}

/** The answer, and its outcome in a word; it comes in time. */
async function send(verb: string, body: object, headers: Record<string, string> = {}) {
  const began = performance.now()
  const reply = await bus.send(verb, body, headers)
  const ms = performance.now() - began
  expect({ verb, inTime: ms < ANSWER_MS || ms }).toEqual({ verb, inTime: true })
  return reply
}

const outcome = ({ status, body }: Reply) => (status === 200 ? 'ok' : (body as { code: string }).code)

const update = (name: string): Keyed => ({ verb: 'update', key: randomUUID(), body: { assistant_id, name } })

const sendKeyed = ({ verb, key, body }: Keyed) => send(verb, body, { 'Idempotency-Key': key })

describe.each(['killed', 'frozen'] as const)('the store %s', (how) => {
  test('commands and a get are unavailable, searches are answered; afterwards each command takes effect once', async () => {
    const { version } = await bus.ask('get', { assistant_id })
    await (how === 'killed' ? grown.store.kill() : grown.store.freeze())
    const commands = Array.from({ length: IN_LINE }, (_, n) => update(`${how} ${n}`))
    const [created, got, searched, ...updated] = await Promise.all([
      send('create', { graph_id: 'writer' }),
      send('get', { assistant_id }),
      send('search', {}),
      ...commands.map(sendKeyed),
      expectMissing('log', 'away'),
    ])
    expect([created, got].map(outcome)).toEqual(['unavailable', 'unavailable'])
    expect(outcome(searched)).toBe('ok')
    const replies = updated.filter((reply): reply is Reply => reply !== undefined)
    expect(replies.map(outcome)).toEqual(commands.map(() => 'unavailable'))

    await (how === 'killed' ? grown.store.restart() : grown.store.thaw())
    await expectWellAgain()
    for (const command of commands) expect(outcome(await sendKeyed(command))).toBe('ok')
    expect((await bus.ask('get', { assistant_id })).version).toBe(version + IN_LINE)
  }, 120_000)
})

describe.each(['killed', 'frozen'] as const)('PostgreSQL %s', (how) => {
  test('commands and a get go on from the log, searches are unavailable; afterwards they show what came meanwhile', async () => {
    await (how === 'killed' ? grown.postgres.kill() : grown.postgres.freeze())
    const commands = Array.from({ length: IN_LINE }, (_, n) => update(`${how} ${n}`))
    const name = randomUUID()
    const created = await send('create', { graph_id: 'writer', name })
    const replies = await Promise.all(commands.map(sendKeyed))
    expect([created, ...replies].map(outcome)).toEqual(['ok', ...commands.map(() => 'ok')])
    expect(created.headers['ledger-pending']).toBe('read-model')
    const shown = await send('get', { assistant_id: (created.body as { assistant_id: string }).assistant_id })
    expect(shown).toMatchObject({ status: 200, body: { name } })
    const repeated = await sendKeyed(commands[0] as Keyed)
    expect(repeated.body).toEqual(replies[0]?.body)
    const asked = await Promise.all([
      send('search', {}),
      send('count', {}),
      send('versions', { assistant_id }),
      send('fleet', {}),
    ])
    expect(asked.map(outcome)).toEqual(asked.map(() => 'unavailable'))
    await expectMissing('read_model', 'away')

    await (how === 'killed' ? grown.postgres.restart() : grown.postgres.thaw())
    await expectWellAgain()
    const found = () => bus.ask<object[]>('search', { name })
    await until('what was created', DEADLINE_MS, found, ({ length }) => length === 1)
  }, 120_000)
})

test('NATS killed: readiness says so, and requests are answered again when it is back', async () => {
  await grown.nats.kill()
  await expectMissing('bus', 'away')
  await grown.nats.restart()
  await expectWellAgain()
  expect(outcome(await sendKeyed(update('back')))).toBe('ok')
}, 120_000)
