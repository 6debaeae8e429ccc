// Replicas are replaced one after the other under load, as an upgrade does: every request is answered by whoever is
// there, at its first attempt, and nothing is lost.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { expectEachOnce, expectSameOrder, feedOf, MARK } from '../faults/expectations.js'
import { held } from '../faults/held.js'
import { assistantEvents } from '../faults/records.js'
import { until, untilEqual } from '../faults/until.js'
import { busClient } from '../support/bus.js'
import { type Grown, growOut } from './grown.js'

const ASSISTANTS = 4
const LANES = 4
const BETWEEN = 40
const DEADLINE_MS = 30_000

let grown: Grown
beforeEach(async () => {
  grown = await growOut({ replicas: 2 })
}, 120_000)
afterEach(() => grown.end(), 60_000)

test('a rolling restart under load', async () => {
  const bus = busClient(grown.connection)
  const ids = Array.from({ length: ASSISTANTS }, (): string => randomUUID())
  for (const assistant_id of ids) await bus.ask('create', { assistant_id, graph_id: 'writer' })
  const runner = await grown.follow('through-an-upgrade')
  const acknowledged: string[] = []
  const last = new Map<string, string>()
  let underLoad = true
  let failure: unknown
  const load = Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const assistant_id = ids[lane % ids.length] as string
      for (let round = 0; underLoad; round++) {
        const mark = `mark-${lane}-${round}`
        const { context } = await bus.ask('update', { assistant_id, context: { [MARK]: mark } })
        expect(context[MARK]).toBe(mark)
        acknowledged.push(mark)
        last.set(assistant_id, mark)
        const shown = await bus.ask('get', { assistant_id })
        expect(shown.context[MARK]).toBe(mark)
        await bus.ask('search', { limit: 1 })
      }
    }),
  ).catch((error) => {
    failure = error
    underLoad = false
  })
  const goOn = async () => {
    const enough = acknowledged.length + BETWEEN
    const count = () => (underLoad ? acknowledged.length : Number.POSITIVE_INFINITY)
    await until('progress', DEADLINE_MS, count, (some) => some >= enough)
  }
  for (const old of [...grown.replicas]) {
    await goOn()
    await grown.startReplica()
    await goOn()
    expect(await grown.stop(old)).toBe(0)
  }
  await goOn()
  underLoad = false
  await load
  expect(failure).toBeUndefined()
  await untilEqual(
    'the runner on the newest',
    DEADLINE_MS,
    () => new Map(ids.map((id) => [id, held(runner, id)?.mark])),
    new Map<string, unknown>(last),
  )
  const events = await grown.readLog()
  expectEachOnce(acknowledged, events)
  expectSameOrder(await feedOf(grown.connection, assistantEvents(events).length), events)
}, 180_000)
