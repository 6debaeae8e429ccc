// The lock that chooses who leads: one holder at a time, and none for long that is dead, frozen or cut off.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { AdvisoryLock } from '../../apps/registry/src/replicas/advisory-lock.js'
import { type Postgres, startPostgres } from '../support/postgres.js'

/** Within so long somebody else has the lock of a holder that is no more. */
const TAKE_OVER_MS = 5_000

let postgres: Postgres
const ends: (() => Promise<unknown> | unknown)[] = []
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
afterAll(() => postgres?.stop())

async function take(name: string, signal = new AbortController().signal): Promise<AdvisoryLock> {
  const lock = await AdvisoryLock.take(postgres.url, name, signal)
  if (!lock) throw new Error('the lock was not waited for')
  ends.push(() => lock.release())
  return lock
}

/** A process that holds the lock. */
async function holder(name: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'holder.ts'), [postgres.url, name], {
    execArgv: ['--import', 'tsx'],
  })
  ends.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [word] = await once(child, 'message')
  expect(word).toBe('holds')
  return child
}

test('one holds it at a time, and whoever waits has it when it is given back', async () => {
  const first = await take('one')
  let second: AdvisoryLock | undefined
  const waiting = take('one').then((lock) => {
    second = lock
  })
  await take('another')
  expect(second).toBeUndefined()
  await first.release()
  await waiting
  expect(second?.lost.aborted).toBe(false)
})

test('who waits can be told not to', async () => {
  await take('one')
  const stop = new AbortController()
  const waiting = AdvisoryLock.take(postgres.url, 'one', stop.signal)
  stop.abort()
  expect(await waiting).toBeUndefined()
})

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a holder that gets %s has it no longer',
  async (signal) => {
    const child = await holder(signal)
    const began = performance.now()
    child.kill(signal)
    await take(signal)
    expect(performance.now() - began).toBeLessThan(TAKE_OVER_MS)
    if (signal === 'SIGKILL') return
    const word = once(child, 'message')
    child.kill('SIGCONT')
    expect(await word).toEqual(['lost'])
  },
  30_000,
)

test('a holder keeps it past the idle timeout, and loses it with the database', async () => {
  const lock = await take('kept')
  // The session's heartbeats are what is waited for: four of them outlast the timeout.
  await once(AbortSignal.any([lock.lost, AbortSignal.timeout(4_500)]), 'abort')
  expect(lock.lost.aborted).toBe(false)
  await postgres.kill()
  if (!lock.lost.aborted) await once(lock.lost, 'abort')
  await expect(AdvisoryLock.take(postgres.url, 'kept', new AbortController().signal)).rejects.toThrow()
  await postgres.restart()
  await take('kept')
}, 60_000)

test('a holder that the database does not answer any more knows it before long', async () => {
  const lock = await take('cut off')
  await postgres.freeze()
  ends.push(() => postgres.thaw())
  const began = performance.now()
  if (!lock.lost.aborted) await once(lock.lost, 'abort')
  expect(performance.now() - began).toBeLessThan(TAKE_OVER_MS)
}, 30_000)
