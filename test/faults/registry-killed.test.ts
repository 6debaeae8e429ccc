// Guarantees 1, 2, 3 and 7 with the registry killed: 30 times by -9, at moments that chance picks, with commands under
// way all the time. What was acknowledged is there once, and what is derived equals the log.
import { randomUUID } from 'node:crypto'
import { afterEach, test } from '@jest/globals'
import { askUntilAcknowledged, type Keyed } from './commands.js'
import { beginDay, type Day } from './day.js'
import { expectEachOnce, expectRebuildsEqual, expectSameOrder, feedOf, MARK } from './expectations.js'
import { assistantEvents, readLog } from './records.js'
import { between, pick, seededRandom } from './seeded.js'
import { pause, until } from './until.js'

const KILLS = 30
const ASSISTANTS = 20
const LANES = 16
/** A registry that has answered nothing by then after a start fails the test. */
const PROGRESS_DEADLINE_MS = 30_000
const MOST_ANSWERS_BETWEEN_KILLS = 60
/** The kill falls up to so long after an answer: between two answers, and inside what follows one. */
const MOST_MS_AFTER_AN_ANSWER = 25
const TIMEOUT_MS = 300_000

let day: Day
afterEach(() => day.end())

test(
  'registry killed - 30 times under load, every acknowledged command is there once',
  async () => {
    const random = seededRandom('registry-killed')
    day = await beginDay()
    const { connection } = day
    const ids = Array.from({ length: ASSISTANTS }, () => randomUUID())
    const acknowledged: string[] = []
    for (const [index, assistant_id] of ids.entries()) {
      const context = { [MARK]: `first-${index}` }
      await askUntilAcknowledged(connection, {
        verb: 'create',
        key: `first-${index}`,
        body: { assistant_id, graph_id: 'writer', context },
      })
      acknowledged.push(`first-${index}`)
    }

    let underLoad = true
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      for (let round = 0; underLoad; round++) {
        const mark = `mark-${lane}-${round}`
        await askUntilAcknowledged(connection, commandOf(mark, pick(random, ids), random() < 0.1))
        acknowledged.push(mark)
      }
    })
    const load = Promise.all(lanes)
    // Observed below; a failure before that must not end the process.
    load.catch(() => undefined)

    for (let kill = 0; kill < KILLS; kill++) {
      const answers = acknowledged.length + between(random, 1, MOST_ANSWERS_BETWEEN_KILLS)
      await until(
        `answers of start ${kill}`,
        PROGRESS_DEADLINE_MS,
        () => acknowledged.length,
        (count) => count >= answers,
      )
      await pause(random() * MOST_MS_AFTER_AN_ANSWER)
      await day.registry.kill()
      await day.startRegistry()
    }
    underLoad = false
    await load

    await day.registry.stop()
    const events = await readLog(day.dataDir)
    expectEachOnce(acknowledged, events)
    await expectRebuildsEqual(day.dataDir)
    await day.startRegistry()
    expectSameOrder(await feedOf(connection, assistantEvents(events).length), events)
  },
  TIMEOUT_MS,
)

function commandOf(mark: string, assistant_id: string, create: boolean): Keyed {
  const context = { [MARK]: mark }
  return create
    ? { verb: 'create', key: mark, body: { graph_id: 'writer', name: mark, context } }
    : { verb: 'update', key: mark, body: { assistant_id, context } }
}
