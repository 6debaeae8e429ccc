// What a rebuild makes only at its end is there in the end, however often it was broken off on the way.
import { join } from 'node:path'
import { afterAll, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { rebuild, rebuildThrough } from '../../libs/audit/src/index.js'
import { openEmbeddedLog, openLogForReading } from '../../libs/event-log/src/index.js'
import { openReadModel, openRebuilt } from '../../libs/read-model/src/index.js'
import { fillLog, PROJECT, scratch } from './moves.js'

jest.setTimeout(60_000)

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** Tables, indexes and the rows of the search index. */
function searchIndexOf(file: string) {
  const db = new Database(file, { readonly: true })
  try {
    return {
      names: db.prepare('select name from sqlite_master order by name').pluck().all(),
      terms: db.prepare('select * from search_terms').raw().all(),
    }
  } finally {
    db.close()
  }
}

test('terms and orders are those of a read model that followed the log', async () => {
  const dataDir = await scratch(ends)
  const embedded = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
  await fillLog(embedded, 400)
  await embedded.close()
  const log = await openLogForReading({ dataDir })
  ends.push(() => log.close())
  const head = await log.head()
  const at = (file: string) => ({ file: join(dataDir, file), project: PROJECT })

  const live = await openReadModel(at('live.db'))
  await rebuildThrough(log, live, head)
  await live.close()
  const expected = searchIndexOf(join(dataDir, 'live.db'))
  expect(expected.terms.length).toBeGreaterThan(1_000)

  const rebuilt = join(dataDir, 'other.db.rebuilt')
  const first = await openRebuilt(at('other.db'))
  await rebuildThrough(log, first, head / 2n)
  await first.close()
  expect(searchIndexOf(rebuilt).terms).toEqual([])

  const second = await openRebuilt(at('other.db'))
  expect(second.position).toBe(head / 2n)
  await rebuildThrough(log, second, head)
  expect(await second.finish(AbortSignal.abort())).toBe(false)
  await second.close()

  const third = await openRebuilt(at('other.db'))
  expect(await rebuild(log, third, new AbortController().signal)).toBe(true)
  await third.close()
  expect(searchIndexOf(rebuilt)).toEqual(expected)
})
