// What every bad day is judged by: each acknowledged command once in the log, the feed the log's events in order, and
// the read model equal to what a new projection of the log makes.
import { join } from 'node:path'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { expect } from '@jest/globals'
import type { NatsConnection } from '@nats-io/transport-node'
import { assistantEvents, type FeedMessage, readFeed, rebuildReadModel, rowsOf } from './records.js'
import { until } from './until.js'

/** The publisher has this long to bring the feed up to the log. */
export const FEED_DEADLINE_MS = 15_000

/** The field of `context` in which each command of a load carries its own mark. */
export const MARK = 'mark'

/** Every mark that the log's versions carry, in order, as often as it is there. */
export function marksOf(events: readonly RecordedEvent[]): string[] {
  return events.flatMap(({ type, data }) => {
    if (type !== 'AssistantCreated' && type !== 'ConfigChanged') return []
    const mark = (data as { content: { context: Record<string, unknown> } }).content.context[MARK]
    return typeof mark === 'string' ? [mark] : []
  })
}

/** Resolves with the feed when it shows as many events as `count`. */
export async function feedOf(connection: NatsConnection, count: number): Promise<FeedMessage[]> {
  const { answer } = await until(
    `${count} events on the feed`,
    FEED_DEADLINE_MS,
    () => readFeed(connection),
    (feed) => feed.length >= count,
  )
  return answer
}

/** The feed shows the log's events of assistants: all, in the log's order, none twice. */
export function expectSameOrder(feed: readonly FeedMessage[], events: readonly RecordedEvent[]): void {
  expect(feed.map(({ id, revision, position }) => ({ id, revision, position }))).toEqual(
    assistantEvents(events).map(({ id, revision, position }) => ({ id, revision, position })),
  )
}

/** The file that the registry left is what a projection of the log into a new file makes. No registry may run. */
export async function expectRebuildsEqual(dataDir: string): Promise<void> {
  const fresh = join(dataDir, 'rebuilt.db')
  await rebuildReadModel(dataDir, fresh)
  const [left, rebuilt] = [rowsOf(join(dataDir, 'read-model.db')), rowsOf(fresh)]
  expect(Object.keys(left)).toEqual(Object.keys(rebuilt))
  for (const table of Object.keys(rebuilt)) {
    expect({ table, rows: left[table] }).toEqual({ table, rows: rebuilt[table] })
  }
}

/** Of the acknowledged marks, those that are not exactly once in the log; and whether any mark is there twice. */
export function expectEachOnce(acknowledged: Iterable<string>, events: readonly RecordedEvent[]): void {
  const times = new Map<string, number>()
  for (const mark of marksOf(events)) times.set(mark, (times.get(mark) ?? 0) + 1)
  expect([...times].filter(([, count]) => count > 1)).toEqual([])
  expect([...acknowledged].filter((mark) => !times.has(mark))).toEqual([])
}
