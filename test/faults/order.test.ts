// Guarantees 2 and 4: 200 mixed commands over 10 assistants are in one order, the same for the log, the feed, the read
// model and a runner; and what a runner is told of, the service answers already.
import { randomUUID } from 'node:crypto'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { afterEach, expect, test } from '@jest/globals'
import { type Assistant, ask, inParallel, Refused } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { expectRebuildsEqual, expectSameOrder, feedOf, MARK } from './expectations.js'
import { held } from './held.js'
import { assistantEvents, readLog } from './records.js'
import { pick, type Random, seededRandom } from './seeded.js'
import { untilEqual } from './until.js'

const ASSISTANTS = 10
const COMMANDS = 200
const IN_FLIGHT = 8
const CONVERGED_DEADLINE_MS = 10_000

let day: Day
afterEach(() => day.end())

test(
  'order - the same for log, feed, read model and runner; a reload is never ahead of get',
  async () => {
    const random = seededRandom('order')
    day = await beginDay()
    const { connection } = day
    const ids = Array.from({ length: ASSISTANTS }, () => randomUUID())
    const runner = await day.follow('in-order')

    const swaps: Swap[] = []
    const asked: Promise<void>[] = []
    runner.on('reload', ({ id, assistant: { generation, version } }) => {
      const swap: Swap = { id, shows: `${generation}.${version}`, answered: undefined }
      swaps.push(swap)
      asked.push(
        ask(connection, 'get', { assistant_id: id })
          .catch(expected)
          .then((answer) => {
            swap.answered = answer?.revision
          }),
      )
    })

    for (const assistant_id of ids) await ask(connection, 'create', content(assistant_id, 'created'))
    const commands = Array.from({ length: COMMANDS }, (_, index) => mixed(random, pick(random, ids), index))
    await inParallel(commands, IN_FLIGHT, async ({ verb, body }) => {
      await ask(connection, verb, body).catch(expected)
    })
    await Promise.all(asked)
    expect(asked.length).toBeGreaterThan(ASSISTANTS)

    const answered = new Map<string, unknown>()
    for (const assistant_id of ids) {
      const { body } = await ask(connection, 'get', { assistant_id })
        .catch(expected)
        .then((answer) => answer ?? { body: undefined })
      answered.set(assistant_id, body && { version: body.version, mark: body.context[MARK] })
    }
    await untilEqual(
      'the runner on what the service answers',
      CONVERGED_DEADLINE_MS,
      () => new Map(ids.map((id) => [id, held(runner, id) as unknown])),
      answered,
    )
    const histories = new Map<string, unknown>()
    for (const assistant_id of ids) {
      const { body } = await ask<Assistant[]>(connection, 'versions', { assistant_id, limit: 1000 })
        .catch(expected)
        .then((answer) => answer ?? { body: undefined })
      histories.set(
        assistant_id,
        body?.map(({ version, context }) => [version, context[MARK]]),
      )
    }

    await day.registry.stop()
    const events = await readLog(day.dataDir)
    expectSameOrder(await feedOf(connection, assistantEvents(events).length), events)
    await expectRebuildsEqual(day.dataDir)
    for (const id of ids) {
      const stream = assistantEvents(events).filter((event) => event.stream.endsWith(id))
      // From 0, without a hole, in the log's order.
      expect(stream.map(({ revision }) => revision)).toEqual(stream.map((_, index) => BigInt(index)))
      expect(histories.get(id)).toEqual(versionsIn(stream))
      expectNeverAhead(
        swaps.filter((swap) => swap.id === id),
        liveIn(stream),
      )
    }
  },
  TEST_TIMEOUT_MS,
)

/** A reload as it was seen: what went live, and the revision that a get answered right then. */
interface Swap {
  readonly id: string
  /** `<generation>.<version>` */
  readonly shows: string
  /** Undefined when the assistant was deleted by then, which is later than any reload. */
  answered: bigint | undefined
}

/** The reloads follow the log's order, and at each the service answered that revision already, or a later one. */
function expectNeverAhead(
  swaps: readonly Swap[],
  live: readonly { revision: bigint; shows: string }[],
): void {
  let from = 0
  for (const { shows, answered } of swaps) {
    // A runner may skip what went live only for a moment, but never goes back.
    const at = live.findIndex((step, index) => index >= from && step.shows === shows)
    expect({ shows, followsTheLog: at >= 0 }).toEqual({ shows, followsTheLog: true })
    const { revision } = live[at] as { revision: bigint }
    if (answered !== undefined) expect(answered).toBeGreaterThanOrEqual(revision)
    from = at + 1
  }
}

/** What `live` pointed to after each event that moved it. */
function liveIn(stream: readonly RecordedEvent[]): { revision: bigint; shows: string }[] {
  let generation = 0
  return stream.flatMap(({ type, data, revision }) => {
    const { version, environment } = data as { version: number; environment?: string }
    if (type === 'AssistantCreated') generation++
    const moved = type === 'AssistantCreated' || (type === 'VersionPromoted' && environment === 'live')
    return moved ? [{ revision, shows: `${generation}.${version}` }] : []
  })
}

/** Commands are picked without looking: these refusals are answers like any other. */
const EXPECTED: readonly string[] = [
  'not-found',
  'already-exists',
  'version-not-found',
  'nothing-before',
  'moved',
]

function expected(error: unknown): undefined {
  if (error instanceof Refused && EXPECTED.includes(error.code)) return undefined
  throw error
}

const content = (assistant_id: string, mark: string) => ({
  assistant_id,
  graph_id: 'writer',
  context: { [MARK]: mark },
})

function mixed(random: Random, assistant_id: string, index: number): { verb: string; body: object } {
  const mark = `mark-${index}`
  const drawn = random()
  if (drawn < 0.5) return { verb: 'update', body: { assistant_id, context: { [MARK]: mark } } }
  if (drawn < 0.6)
    return { verb: 'update', body: { assistant_id, context: { [MARK]: mark }, promote: false } }
  if (drawn < 0.75) return { verb: 'promote', body: { assistant_id, version: 1 } }
  if (drawn < 0.85) return { verb: 'rollback', body: { assistant_id } }
  if (drawn < 0.9) return { verb: 'delete', body: { assistant_id } }
  return { verb: 'create', body: content(assistant_id, mark) }
}

/** The versions of the present life, newest first, as `versions` lists them; undefined when it has ended. */
function versionsIn(stream: readonly { type: string; data: unknown }[]): unknown {
  let versions: unknown[] | undefined
  for (const { type, data } of stream) {
    const { version, content: made } = data as {
      version: number
      content: { context: Record<string, unknown> }
    }
    if (type === 'AssistantDeleted') versions = undefined
    if (type === 'AssistantCreated') versions = []
    if (type === 'AssistantCreated' || type === 'ConfigChanged')
      versions?.unshift([version, made.context[MARK]])
  }
  return versions
}
