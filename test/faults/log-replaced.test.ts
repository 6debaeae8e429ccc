// The log is the only truth, also another log and an older copy of the same: a runner follows the log that is there,
// whatever it holds or has on disk; and a log that is behind what was published is served only when somebody said so.
import { randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { startRegistry } from '../support/registry.js'
import { ask } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { MARK } from './expectations.js'
import { held } from './held.js'
import { readBucket } from './records.js'
import { until, untilEqual } from './until.js'

const CONVERGED_DEADLINE_MS = 20_000

let day: Day
afterEach(() => day.end())

const LOG = /^log\.db/
const READ_MODEL = /^read-model\.db/

/** Files of SQLite come with companions; all that begin so go together. */
async function removeFiles(...kinds: RegExp[]) {
  for (const name of await readdir(day.dataDir)) {
    if (kinds.some((kind) => kind.test(name))) await rm(join(day.dataDir, name), { recursive: true })
  }
}

async function copyFiles(from: string, to: string, kind: RegExp) {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    if (kind.test(name)) await cp(join(from, name), join(to, name))
  }
}

const create = (assistant_id: string, mark: string) =>
  ask(day.connection, 'create', { assistant_id, graph_id: 'writer', context: { [MARK]: mark } })
const update = (assistant_id: string, mark: string) =>
  ask(day.connection, 'update', { assistant_id, context: { [MARK]: mark } })

test(
  'log replaced - rm -rf of log and read model under runners with caches: the new log wins',
  async () => {
    day = await beginDay()
    const [again, lost] = [randomUUID(), randomUUID()]
    const cacheDir = join(day.dataDir, 'cache')
    const runner = await day.follow('with-a-cache', { cacheDir })
    await create(again, 'first log')
    await create(lost, 'first log')
    for (let change = 0; change < 5; change++) await update(again, `first log ${change}`)
    await untilEqual(
      'the first log at the runner',
      CONVERGED_DEADLINE_MS,
      () => [held(runner, again), held(runner, lost)?.version],
      [{ version: 6, mark: 'first log 4' }, 1],
    )

    await day.registry.stop()
    await removeFiles(LOG, READ_MODEL)
    await day.startRegistry()
    // Fewer versions and a smaller revision than what the runner holds: only the log's id tells that it is newer.
    await create(again, 'second log')
    const second = { version: 1, mark: 'second log' }
    await untilEqual(
      'the second log at the runner',
      CONVERGED_DEADLINE_MS,
      () => [held(runner, again), held(runner, lost)],
      [second, undefined],
    )

    await runner.close()
    const restarted = await day.follow('with-a-cache', { cacheDir })
    expect(held(restarted, again)).toEqual(second)
    expect(held(restarted, lost)).toBeUndefined()
  },
  TEST_TIMEOUT_MS,
)

test.each([
  { readModel: 'removed', kinds: [LOG, READ_MODEL] },
  { readModel: 'left ahead of it', kinds: [LOG] },
])(
  'log restored from an older copy, read model $readModel - the start stops; accepted, its content wins',
  async ({ kinds }) => {
    day = await beginDay()
    const { connection, dataDir } = day
    const [changed, young] = [randomUUID(), randomUUID()]
    const runner = await day.follow('under-a-restore', { cacheDir: join(dataDir, 'cache') })
    await create(changed, 'kept')
    await day.registry.stop()
    const backup = join(dataDir, 'backup')
    await copyFiles(dataDir, backup, LOG)

    await day.startRegistry()
    for (let change = 0; change < 3; change++) await update(changed, `lost ${change}`)
    await create(young, 'lost')
    await untilEqual(
      'what will be lost, at the runner',
      CONVERGED_DEADLINE_MS,
      () => [held(runner, changed), held(runner, young)],
      [
        { version: 4, mark: 'lost 2' },
        { version: 1, mark: 'lost' },
      ],
    )
    const published = await readBucket(connection)
    const epoch = published.get(`live.writer.${changed}`)?.epoch ?? Number.NaN

    await day.registry.stop()
    await removeFiles(...kinds)
    await copyFiles(backup, dataDir, LOG)
    // The start stops, and one line says why and how to go on.
    const refused = await day.startRegistry().then(
      () => undefined,
      (error: Error) => error,
    )
    expect(refused?.message).toContain('ACCEPT_LOG_BEHIND=yes')
    const lines = refused?.message.split('\n').filter((line) => line.includes('ACCEPT_LOG_BEHIND'))
    expect(lines).toHaveLength(1)
    expect(await readBucket(connection)).toEqual(published)

    await day.startRegistry({ ACCEPT_LOG_BEHIND: 'yes' })
    const { answer: accepted } = await until(
      'all keys in the next epoch',
      CONVERGED_DEADLINE_MS,
      () => readBucket(connection),
      (bucket) => [...bucket.values()].every((value) => value.epoch === epoch + 1),
    )
    expect([...accepted.keys()]).toEqual([...published.keys()])
    expect(accepted.get(`live.writer.${young}`)?.state).toBe('deleted')
    expect(accepted.get(`live.writer.${changed}`)?.content?.context[MARK]).toBe('kept')
    const shown = await ask(connection, 'get', { assistant_id: changed })
    expect([shown.body.version, shown.body.context[MARK]]).toEqual([1, 'kept'])
    await untilEqual(
      'the restored content at the runner',
      CONVERGED_DEADLINE_MS,
      () => [held(runner, changed), held(runner, young)],
      [{ version: 1, mark: 'kept' }, undefined],
    )
    // And on from there: a change is a change in the new epoch.
    await update(changed, 'after the restore')
    await untilEqual('a change after the restore', CONVERGED_DEADLINE_MS, () => held(runner, changed), {
      version: 2,
      mark: 'after the restore',
    })
    // An id that the log has forgotten can be used again, though its first revision was published before.
    await create(young, 'after the restore')
    await untilEqual('the new assistant of that id', CONVERGED_DEADLINE_MS, () => held(runner, young), {
      version: 1,
      mark: 'after the restore',
    })

    // Accepted once, it stays accepted: the next start needs no word.
    await day.registry.stop()
    await day.startRegistry()
    expect((await ask(connection, 'get', { assistant_id: changed })).body.version).toBe(2)
  },
  TEST_TIMEOUT_MS,
)

/** Puts the copy of the log in the place of what is there. */
async function restore(backup: string) {
  await removeFiles(LOG, READ_MODEL)
  await copyFiles(backup, day.dataDir, LOG)
}

const refusalOf = (start: Promise<unknown>): Promise<string | undefined> =>
  start.then(
    () => undefined,
    (error: Error) => error.message,
  )

const epochOf = async (assistant_id: string) =>
  (await readBucket(day.connection)).get(`live.writer.${assistant_id}`)?.epoch

test(
  'log restored from the same copy twice - the second time it is found out too, and its content wins again',
  async () => {
    day = await beginDay()
    const id = randomUUID()
    const runner = await day.follow('under-two-restores')
    await create(id, 'kept')
    await day.registry.stop()
    const backup = join(day.dataDir, 'backup')
    await copyFiles(day.dataDir, backup, LOG)
    await day.startRegistry()

    for (const epoch of [2, 3]) {
      for (let change = 0; change < 3; change++) await update(id, `lost ${change}`)
      await untilEqual('what will be lost', CONVERGED_DEADLINE_MS, () => held(runner, id)?.mark, 'lost 2')
      await day.registry.stop()
      await restore(backup)
      expect(await refusalOf(day.startRegistry())).toContain('ACCEPT_LOG_BEHIND=yes')
      await day.startRegistry({ ACCEPT_LOG_BEHIND: 'yes' })
      await untilEqual('the next epoch', CONVERGED_DEADLINE_MS, () => epochOf(id), epoch)
      const kept = { version: 1, mark: 'kept' }
      await untilEqual('the restored content', CONVERGED_DEADLINE_MS, () => held(runner, id), kept)
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'log restored and the NATS store lost - accepted, it wins over what a runner has seen of it; once',
  async () => {
    day = await beginDay()
    const id = randomUUID()
    const runner = await day.follow('remembers')
    await create(id, 'kept')
    await day.registry.stop()
    const backup = join(day.dataDir, 'backup')
    await copyFiles(day.dataDir, backup, LOG)
    await day.startRegistry()
    for (let change = 0; change < 3; change++) await update(id, `lost ${change}`)
    await untilEqual('what will be lost', CONVERGED_DEADLINE_MS, () => held(runner, id)?.mark, 'lost 2')

    await day.registry.stop()
    await day.nats.kill('SIGTERM')
    await rm(day.nats.storeDir, { recursive: true, force: true })
    await day.nats.restart()
    await restore(backup)
    await day.startRegistry({ ACCEPT_LOG_BEHIND: 'yes' })
    const kept = { version: 1, mark: 'kept' }
    await untilEqual('the restored content', CONVERGED_DEADLINE_MS, () => held(runner, id), kept)
    expect(await epochOf(id)).toBe(2)

    await day.registry.stop()
    await day.startRegistry({ ACCEPT_LOG_BEHIND: 'yes' })
    await update(id, 'after')
    await untilEqual('a change after', CONVERGED_DEADLINE_MS, () => held(runner, id)?.mark, 'after')
    expect(await epochOf(id)).toBe(2)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a second registry with a log of its own - the start stops, and the first goes on',
  async () => {
    day = await beginDay()
    const id = randomUUID()
    const runner = await day.follow('of-the-first')
    await create(id, 'first')
    const dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-second-'))
    day.defer(() => rm(dataDir, { recursive: true, force: true }))
    const second = startRegistry({ natsUrl: day.nats.url, dataDir })
    day.defer(() =>
      second.then(
        (registry) => registry.stop(),
        () => undefined,
      ),
    )
    const refusal = await refusalOf(second)
    expect(refusal).toContain('another registry publishes project default from another log')
    // Commands over the bus are answered by whoever is there: only now by the first alone.
    await update(id, 'goes on')
    await untilEqual('a change of the first', CONVERGED_DEADLINE_MS, () => held(runner, id)?.mark, 'goes on')
  },
  TEST_TIMEOUT_MS,
)
