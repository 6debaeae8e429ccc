// Guarantees 1, 2, 3 and 6 with NATS gone in the middle: killed while commands are under way, started again on its
// store. Every command is sent under its key until it is acknowledged, and takes effect once everywhere.
import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from '@jest/globals'
import { type Assistant, ask, askUntilAcknowledged, inParallel, type Keyed } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { expectEachOnce, expectRebuildsEqual, expectSameOrder, feedOf, MARK } from './expectations.js'
import { held } from './held.js'
import { assistantEvents, readLog } from './records.js'
import { untilEqual } from './until.js'

const ASSISTANTS = 40
const COMMANDS = 1_000
const IN_FLIGHT = 32
/** NATS dies when so many commands have been acknowledged. */
const KILLED_AFTER = 400
const CONVERGED_DEADLINE_MS = 10_000

let day: Day
afterEach(() => day.end())

test(
  'NATS killed - in the middle of 1,000 keyed commands, each takes effect once everywhere',
  async () => {
    day = await beginDay()
    const { connection, nats } = day
    const runner = await day.follow('through-the-kill')
    const ids = Array.from({ length: ASSISTANTS }, (): string => randomUUID())
    const commands = Array.from({ length: COMMANDS }, (_, index): Keyed => {
      const assistant_id = ids[index % ASSISTANTS] as string
      const content = { name: `assistant ${index % ASSISTANTS}`, context: { [MARK]: `mark-${index}` } }
      return index < ASSISTANTS
        ? { verb: 'create', key: `key-${index}`, body: { assistant_id, graph_id: 'writer', ...content } }
        : { verb: 'update', key: `key-${index}`, body: { assistant_id, ...content } }
    })

    const acknowledged: string[] = []
    let killed: Promise<void> | undefined
    const send = async (command: Keyed) => {
      await askUntilAcknowledged(connection, command)
      acknowledged.push((command.body.context as Record<string, string>)[MARK] as string)
      if (acknowledged.length === KILLED_AFTER) killed = nats.kill('SIGKILL').then(() => nats.restart())
    }
    await inParallel(commands.slice(0, ASSISTANTS), IN_FLIGHT, send)
    await inParallel(commands.slice(ASSISTANTS), IN_FLIGHT, send)
    await killed
    expect(killed).toBeDefined()
    expect(acknowledged).toHaveLength(COMMANDS)

    const answered = new Map<string, { version: number; mark: unknown }>()
    await inParallel(ids, IN_FLIGHT, async (assistant_id) => {
      const { body } = await ask<Assistant>(connection, 'get', { assistant_id })
      answered.set(assistant_id, { version: body.version, mark: body.context[MARK] })
    })
    const listed = await ask<Assistant[]>(connection, 'search', { limit: 1000, graph_id: 'writer' })
    for (const id of ids) {
      const row = listed.body.find(({ assistant_id }) => assistant_id === id)
      expect({ version: row?.version, mark: row?.context[MARK] }).toEqual(answered.get(id))
      // One version a command: none lost, none twice.
      expect(answered.get(id)?.version).toBe(COMMANDS / ASSISTANTS)
    }
    await untilEqual(
      'the runner on what the service answers',
      CONVERGED_DEADLINE_MS,
      () => new Map(ids.map((id) => [id, held(runner, id)])),
      answered,
    )

    await day.registry.stop()
    const events = await readLog(day.dataDir)
    expectEachOnce(acknowledged, events)
    expectSameOrder(await feedOf(connection, assistantEvents(events).length), events)
    await expectRebuildsEqual(day.dataDir)
  },
  TEST_TIMEOUT_MS,
)
