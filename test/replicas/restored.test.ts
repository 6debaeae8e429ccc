// The log of replicas is replaced: by an older copy of itself, and by another one. The first is accepted once, whichever
// replica does; what was projected and published from what is gone is made again for all.
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { MARK } from '../faults/expectations.js'
import { held } from '../faults/held.js'
import { readBucket } from '../faults/records.js'
import { untilEqual } from '../faults/until.js'
import { type BusClient, busClient } from '../support/bus.js'
import { type Grown, growOut } from './grown.js'
import { expectRebuildsEqual } from './rows.js'

jest.setTimeout(180_000)

const DEADLINE_MS = 30_000
/** Requests after which every replica has most likely answered some. */
const MANY = 16

let grown: Grown
let bus: BusClient
beforeEach(async () => {
  grown = await growOut({ replicas: 2 })
  bus = busClient(grown.connection)
})
afterEach(() => grown.end())

const ACCEPTING = { ACCEPT_LOG_BEHIND: 'yes' }

const file = () => join(grown.store.dir, 'events.log')

/** Ends the replicas, and puts another file in the place of the log's, or none. */
async function replaceLog(copy?: string): Promise<void> {
  await Promise.all([...grown.replicas].map((replica) => grown.stop(replica)))
  await grown.store.kill()
  await rm(file())
  if (copy) await copyFile(copy, file())
  await grown.store.restart()
}

const startTwo = (env = {}) => Promise.all([grown.startReplica(env), grown.startReplica(env)])

const update = (assistant_id: string, mark: string) =>
  bus.ask('update', { assistant_id, context: { [MARK]: mark } })

const many = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: MANY }, ask))

/** What whoever answers a search shows of the assistants that the tests made. */
const searched = async () => {
  const answers = await many(() => bus.ask<{ context: object }[]>('search', { name: 'Untitled' }))
  return [...new Set(answers.map((found) => JSON.stringify(found.map(({ context }) => context))))]
}

async function epochs(): Promise<number[]> {
  const events = await grown.readLog()
  return events.flatMap(({ type, data }) =>
    type === 'EpochRaised' ? [(data as { epoch: number }).epoch] : [],
  )
}

const published = async (assistant_id: string) => {
  const value = (await readBucket(grown.connection)).get(`live.writer.${assistant_id}`)
  return value && [value.epoch, value.content?.context[MARK]]
}

test('an older copy of the log is refused, and accepted by two at once in one epoch; another log takes its place later', async () => {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer', context: { [MARK]: 'kept' } })
  const runner = await grown.follow('through-a-restore')
  const copy = join(grown.store.dir, 'copy')
  await copyFile(file(), copy)
  for (let change = 0; change < 3; change++) await update(assistant_id, `lost ${change}`)
  const { assistant_id: young } = await bus.ask('create', { graph_id: 'writer' })
  const holds = () => [held(runner, assistant_id)?.mark, held(runner, young) !== undefined]
  await untilEqual('what will be lost', DEADLINE_MS, holds, ['lost 2', true])

  await replaceLog(copy)
  await expect(grown.startReplica()).rejects.toThrow(/ACCEPT_LOG_BEHIND=yes/)
  await startTwo(ACCEPTING)
  await untilEqual('what was kept', DEADLINE_MS, holds, ['kept', false])
  await untilEqual('the keys', DEADLINE_MS, () => published(assistant_id), [2, 'kept'])
  expect(await epochs()).toEqual([2])
  await untilEqual('the rows', DEADLINE_MS, searched, [JSON.stringify([{ [MARK]: 'kept' }])])
  await update(assistant_id, 'goes on')
  await untilEqual('what comes then', DEADLINE_MS, holds, ['goes on', false])

  await replaceLog()
  await startTwo(ACCEPTING)
  const { assistant_id: other } = await bus.ask('create', {
    graph_id: 'writer',
    context: { [MARK]: 'other' },
  })
  await untilEqual('the rows of the other log', DEADLINE_MS, searched, [
    JSON.stringify([{ [MARK]: 'other' }]),
  ])
  await untilEqual('the other log', DEADLINE_MS, () => held(runner, other)?.mark, 'other')
  await untilEqual('what is gone', DEADLINE_MS, holds, [undefined, false])
  expect((await epochs()).length).toBeLessThanOrEqual(1)

  await Promise.all([...grown.replicas].map((replica) => grown.stop(replica)))
  const log = await grown.openLog()
  grown.defer(() => log.close())
  await expectRebuildsEqual(log, grown.postgres.url, await grown.postgres.createDatabase('rebuilt'))
})
