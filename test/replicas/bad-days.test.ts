// Three replicas on bad days, under load all the time: the one that leads killed, and frozen past its lock and thawed;
// the store, PostgreSQL and NATS killed or restarted. Afterwards all is as if nothing had happened.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { askUntilAcknowledged, type Keyed } from '../faults/commands.js'
import { expectEachOnce, expectSameOrder, feedOf, MARK } from '../faults/expectations.js'
import { held } from '../faults/held.js'
import { assistantEvents } from '../faults/records.js'
import { until } from '../faults/until.js'
import { busClient } from '../support/bus.js'
import { type Grown, growOut, type Role } from './grown.js'
import { expectRebuildsEqual } from './rows.js'

const ASSISTANTS = 12
const LANES = 8
const RUNNERS = ['one', 'two', 'three']
const PROGRESS_DEADLINE_MS = 40_000
/** Commands that are acknowledged after each blow before the next one falls. */
const BETWEEN_BLOWS = 30
const CONVERGE_DEADLINE_MS = 15_000
const TIMEOUT_MS = 400_000

let grown: Grown
beforeEach(async () => {
  grown = await growOut({ replicas: 3 })
}, 120_000)
afterEach(() => grown.end(), 60_000)

const BLOWS: Record<string, () => Promise<void>> = {
  'the one that projects is killed': () => killLeader('projection'),
  'the one that publishes is killed': () => killLeader('publication'),
  'the one that projects is frozen past its lock, and comes back': () => freezeLeader('projection'),
  'the one that publishes is frozen past its lock, and comes back': () => freezeLeader('publication'),
  'the store is restarted': () => grown.store.restart(),
  'NATS is restarted': () => grown.nats.restart(),
  'PostgreSQL is restarted': () => grown.postgres.restart(),
  'PostgreSQL is killed, and lacks the newest commits': async () => {
    await grown.postgres.kill()
    await grown.postgres.restart()
  },
}

async function killLeader(role: Role): Promise<void> {
  const leader = await leaderOf(role)
  await grown.kill(leader)
  await grown.otherLeader(role, leader)
  await grown.startReplica()
}

async function freezeLeader(role: Role): Promise<void> {
  const leader = await leaderOf(role)
  process.kill(leader.pid, 'SIGSTOP')
  await grown.otherLeader(role, leader)
  process.kill(leader.pid, 'SIGCONT')
}

async function leaderOf(role: Role) {
  const { answer } = await until(
    `a leader of the ${role}`,
    PROGRESS_DEADLINE_MS,
    () => grown.leader(role),
    (one) => one !== undefined,
  )
  if (!answer) throw new Error('nobody leads')
  return answer
}

test(
  'blow after blow, every acknowledged command is there once, and everything derived equals the log',
  async () => {
    const { connection } = grown
    const ids = Array.from({ length: ASSISTANTS }, () => randomUUID())
    const acknowledged: string[] = []
    for (const assistant_id of ids) {
      const body = { assistant_id, graph_id: 'writer', context: { [MARK]: assistant_id } }
      await askUntilAcknowledged(connection, { verb: 'create', key: assistant_id, body })
      acknowledged.push(assistant_id)
    }
    const followers = await Promise.all(RUNNERS.map((name) => grown.follow(name)))

    let underLoad = true
    let failure: unknown
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      for (let round = 0; underLoad; round++) {
        const mark = `mark-${lane}-${round}`
        const assistant_id = ids[(lane + round) % ids.length] as string
        const command: Keyed = {
          verb: 'update',
          key: mark,
          body: { assistant_id, context: { [MARK]: mark } },
        }
        await askUntilAcknowledged(connection, command)
        acknowledged.push(mark)
      }
    })
    const load = Promise.all(lanes).catch((error) => {
      failure = error
    })
    const progress = async (after: string) => {
      const enough = acknowledged.length + BETWEEN_BLOWS
      await until(
        `progress after ${after}`,
        PROGRESS_DEADLINE_MS,
        () => {
          if (failure) throw failure
          return acknowledged.length
        },
        (count) => count >= enough,
      )
    }
    await progress('the start')
    for (const [blow, strike] of Object.entries(BLOWS)) {
      await strike()
      await progress(blow)
    }
    underLoad = false
    await load
    expect(failure).toBeUndefined()

    const bus = busClient(connection)
    for (const assistant_id of ids) {
      const mark = `last-${assistant_id}`
      const body = {
        assistant_id,
        context: { [MARK]: mark },
        wait: 'converged',
        wait_ms: CONVERGE_DEADLINE_MS,
      }
      const { version, receipt } = await bus.ask<{
        version: number
        receipt: { active: number; of: number }
      }>('update', body)
      acknowledged.push(mark)
      expect(receipt).toMatchObject({ active: RUNNERS.length, of: RUNNERS.length })
      for (const follower of followers) expect(held(follower, assistant_id)).toEqual({ version, mark })
    }
    await Promise.all(followers.map((follower) => follower.close()))

    const events = await grown.readLog()
    expectEachOnce(acknowledged, events)
    expectSameOrder(await feedOf(connection, assistantEvents(events).length), events)
    const reports = events.flatMap(({ type, stream, data }) =>
      type === 'RunnersReported'
        ? (data as { reports: { instance: string; revision: number; status: string }[] }).reports.map(
            ({ instance, revision, status }) => `${stream} ${instance} ${revision} ${status}`,
          )
        : [],
    )
    expect(new Set(reports).size).toBe(reports.length)
    for (const replica of grown.replicas) await replica.stop()
    const log = await grown.openLog()
    grown.defer(() => log.close())
    await expectRebuildsEqual(log, grown.postgres.url, await grown.postgres.createDatabase('rebuilt'))
  },
  TIMEOUT_MS,
)
