// Guarantee 7, the NATS half: the store's files are deleted, under a running server and under a stopped one. Stream
// and bucket come back from the log, equal, and no runner drops an assistant meanwhile.
import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { ask } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { MARK } from './expectations.js'
import { held, watchForDrops } from './held.js'
import { readBucket, readFeed } from './records.js'
import { untilEqual } from './until.js'

/** A key is read back every 10 s; then everything is written again. */
const REBUILT_DEADLINE_MS = 60_000
const LIVE_DEADLINE_MS = 10_000
const ASSISTANTS = 20

let day: Day
afterEach(() => day.end())

/** Assistants of every kind: changed, promoted elsewhere, rolled back, deleted, begun again. */
async function history(): Promise<{ live: string[]; gone: string }> {
  const { connection } = day
  const ids = Array.from({ length: ASSISTANTS }, () => randomUUID())
  for (const [index, assistant_id] of ids.entries()) {
    const context = (step: string) => ({ [MARK]: `${step}-${index}` })
    await ask(connection, 'create', { assistant_id, graph_id: 'writer', context: context('first') })
    if (index % 2 === 0) await ask(connection, 'update', { assistant_id, context: context('second') })
    if (index % 4 === 0)
      await ask(connection, 'promote', { assistant_id, version: 2, environment: 'staging' })
    if (index % 6 === 0) await ask(connection, 'rollback', { assistant_id })
    if (index % 7 === 6) await ask(connection, 'delete', { assistant_id })
    if (index === 13) {
      await ask(connection, 'create', { assistant_id, graph_id: 'writer', context: context('again') })
    }
  }
  const gone = ids[6] as string
  return { gone, live: ids.filter((id) => id !== gone) }
}

async function remove(storeDir: string) {
  for (const name of await readdir(storeDir)) await rm(join(storeDir, name), { recursive: true, force: true })
}

test.each([
  {
    when: 'while the server runs',
    lose: async () => remove(day.nats.storeDir),
  },
  {
    when: 'while the server is stopped',
    lose: async () => {
      await day.nats.kill('SIGTERM')
      await remove(day.nats.storeDir)
      await day.nats.restart()
    },
  },
])(
  'NATS store deleted - $when: rebuilt equal from the log, and no runner drops an assistant',
  async ({ lose }) => {
    day = await beginDay()
    const { connection } = day
    const { live, gone } = await history()
    const runner = await day.follow('keeps-all')
    const named = await day.follow('keeps-one', { assistants: live.slice(0, 1) })
    const holds = () => live.map((id) => held(runner, id))
    const versions = await Promise.all(
      live.map(async (assistant_id) => {
        const { body } = await ask(connection, 'get', { assistant_id })
        return { version: body.version, mark: body.context[MARK] }
      }),
    )
    await untilEqual('the runner holds all', LIVE_DEADLINE_MS, holds, versions)
    await untilEqual('the runner holds no deleted one', LIVE_DEADLINE_MS, () => held(runner, gone), undefined)
    const before = { feed: await readFeed(connection), bucket: await readBucket(connection) }
    expect(before.bucket.size).toBeGreaterThan(ASSISTANTS)

    const drops = [watchForDrops(runner, live), watchForDrops(named, live.slice(0, 1))]
    await lose()
    await untilEqual('the feed as it was', REBUILT_DEADLINE_MS, () => readFeed(connection), before.feed)
    await untilEqual('the bucket as it was', REBUILT_DEADLINE_MS, () => readBucket(connection), before.bucket)

    // A change after the loss reaches the runner: it follows the new stream, not the lost one.
    const [changed] = live as [string, ...string[]]
    const { body } = await ask(connection, 'update', { assistant_id: changed, context: { [MARK]: 'after' } })
    for (const follower of [runner, named]) {
      await untilEqual('a change after the loss', LIVE_DEADLINE_MS, () => held(follower, changed), {
        version: body.version,
        mark: 'after',
      })
    }
    expect(drops.map((ended) => ended())).toEqual([[], []])
  },
  TEST_TIMEOUT_MS,
)
