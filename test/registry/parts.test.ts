// What the commands and a get by id promise whatever the projection, another replica and the clock do.
import { assistantStream } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openParts, type Parts, PROJECT, REPLY_BYTES } from './parts.js'

const PENDING = { 'Ledger-Pending': 'read-model' }
const TIMEOUT_MS = 30_000

let parts: Parts
beforeEach(async () => {
  parts = await openParts()
})
afterEach(() => parts.close())

const get = (assistant_id: string) => parts.queries.get({ assistant_id, environment: 'live' })
const search = (metadata: { suite: string }) =>
  parts.queries.search(
    { metadata, limit: 10, offset: 0, sort_by: 'created_at', sort_order: 'desc' },
    REPLY_BYTES,
  )

describe('while nobody projects', () => {
  test(
    'what was created can be read and changed, and the replies say that searches lag',
    async () => {
      const commands = parts.commands()
      const made = await commands.create({ name: 'one', metadata: { suite: 'stopped' } })
      expect(made.headers).toMatchObject({ ...PENDING, 'Ledger-Revision': '0' })
      expect((await get(made.id)).body).toEqual(made.body)
      const changed = await commands.update(made.id, { name: 'two' })
      expect(changed.headers).toMatchObject({ ...PENDING, 'Ledger-Revision': '2' })
      expect(changed.body).toMatchObject({ version: 2, name: 'two', metadata: { suite: 'stopped' } })
      expect((await get(made.id)).body).toEqual(changed.body)
      expect((await search({ suite: 'stopped' })).body).toEqual([])
    },
    TIMEOUT_MS,
  )

  test(
    'what it had projected is the beginning, and the tail of the stream the rest',
    async () => {
      const commands = parts.commands()
      const projection = parts.project()
      const { id } = await commands.create({ name: 'one' })
      await projection.stop()
      await commands.update(id, { name: 'two' })
      const changed = await commands.update(id, { description: 'three' })
      expect(changed.body).toMatchObject({ version: 3, name: 'two', description: 'three' })
      expect((await get(id)).body).toEqual(changed.body)
      expect((await commands.rollback(id)).body).toMatchObject({ version: 2, description: null })
    },
    TIMEOUT_MS,
  )
})

test(
  'a position that is asked for at least is waited for, and given up in time where others may write the log',
  async () => {
    const { id, headers } = await parts.commands().create()
    const position = BigInt(headers['Ledger-Position'] ?? 0)
    await expect(parts.queries.reached(position)).rejects.toMatchObject({
      refusal: { code: 'unavailable', detail: expect.stringContaining(`not yet at ${position}`) },
    })
    const reached = parts.queries.reached(position)
    parts.project()
    await reached
    expect((await parts.model.assistant(id, 'live'))?.assistant.version).toBe(1)
  },
  TIMEOUT_MS,
)

test('what was recorded before the clock was set back has been, and what is yet to come has not', async () => {
  parts.project()
  const later = Date.now() + 3_600_000
  const { id, body } = await parts.commands(() => later).create({ name: 'early' })
  const at = (ms: number) =>
    parts.past.get({ assistant_id: id, environment: 'live', at: new Date(ms).toISOString() })
  expect((await at(later)).body).toEqual(body)
  await expect(at(later + 1)).rejects.toMatchObject({ refusal: { code: 'invalid-request', field: 'at' } })
})

test('a search right after a command shows it, every time', async () => {
  parts.project()
  const commands = parts.commands()
  for (let round = 0; round < 30; round++) {
    const suite = `round ${round}`
    const made = await commands.create({ metadata: { suite } })
    expect(made.headers).not.toHaveProperty('Ledger-Pending')
    expect((await search({ suite })).body).toEqual([made.body])
  }
})

test('two replicas that change one assistant at the same time both have their way', async () => {
  parts.project()
  const [one, other] = [parts.commands(), parts.commands()]
  const { id } = await one.create()
  for (let round = 0; round < 10; round++)
    await Promise.all([
      one.update(id, { metadata: { [`one ${round}`]: true } }),
      other.update(id, { metadata: { [`other ${round}`]: true } }),
    ])
  const { body } = await get(id)
  expect(body).toMatchObject({ version: 21 })
  expect(Object.keys((body as { metadata: object }).metadata)).toHaveLength(20)
})

test('a clock that is set hours back and forth changes nothing but times, and those never run backwards', async () => {
  parts.project()
  const HOUR_MS = 3_600_000
  const moves = [0, -5, -4, 7, -48, 0]
  let now = Date.now()
  const steady = await told(() => ++now)
  let asked = 0
  const moved = await told(() => ++now + (moves[asked++ % moves.length] as number) * HOUR_MS)
  expect(moved.what).toEqual(steady.what)
  expect(moved.times).toEqual([...moved.times].sort())
  expect(new Set(moved.times).size).toBeGreaterThan(1)
})

/** What a stream of commands under this clock recorded, and when. */
async function told(clock: () => number) {
  const commands = parts.commands(clock)
  const { id } = await commands.create({ name: 'one' })
  for (const name of ['two', 'three', 'four']) await commands.update(id, { name })
  await commands.rollback(id)
  const shown = await get(id)
  const events: RecordedEvent[] = []
  for await (const event of parts.log.readStream(assistantStream(PROJECT, id))) events.push(event)
  const { created_at, updated_at, assistant_id, ...rest } = shown.body as Record<string, unknown>
  return {
    what: {
      shown: rest,
      events: events.map(({ type, revision, data }) => {
        const { salt, assistant_id, ...recorded } = data as Record<string, unknown>
        return { type, revision, recorded }
      }),
    },
    times: events.map(({ metadata }) => (metadata as { at: string }).at),
  }
}
