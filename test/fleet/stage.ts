// A real registry with one assistant, and runners that say what a test tells them.
import type { NatsConnection } from '@nats-io/transport-node'
import { beginDay, type Day } from '../faults/day.js'
import { readBucket } from '../faults/records.js'
import { until } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'
import { type On, TestRunner, type TestRunnerOptions } from './runner.js'

export const DEADLINE_MS = 10_000

/** What `fleet` answers of an assistant's promotion. */
export interface Standing extends On {
  readonly environment: string
  readonly ref: string
  readonly of: number
  readonly promoted_at: string
  readonly converged: boolean
  readonly active: { runner: string; instance: string; since: string; after_ms: number }[]
  readonly rejected: { runner: string; reason: string; on?: string }[]
  readonly lagging: { runner: string; instance: string; on?: string }[]
  readonly gone: { runner: string; reason: string }[]
}

export interface Stage {
  readonly day: Day
  readonly connection: NatsConnection
  readonly bus: BusClient
  readonly assistant_id: string
  runner(name: string, more?: Partial<TestRunnerOptions>): TestRunner
  /** Runners that are there by the service's own word. */
  there(...names: string[]): Promise<TestRunner[]>
  standing(more?: object): Promise<Standing>
  update(more?: object): Promise<Standing>
  end(): Promise<void>
}

export async function beginStage(): Promise<Stage> {
  const day = await beginDay()
  const { connection } = day
  const bus = busClient(connection)
  const { assistant_id } = await bus.ask<Assistant>('create', { graph_id: 'writer' })
  const { answer } = await until(
    'a key',
    DEADLINE_MS,
    () => readBucket(connection),
    ({ size }) => size > 0,
  )
  const logId = [...answer.values()][0]?.log_id as string
  const runners: TestRunner[] = []
  const runner: Stage['runner'] = (name, more = {}) => {
    const made = new TestRunner(connection, { name, logId, ...more })
    runners.push(made)
    return made
  }
  const standing: Stage['standing'] = (more = {}) => bus.ask<Standing>('fleet', { assistant_id, ...more })
  return {
    day,
    connection,
    bus,
    assistant_id,
    runner,
    async there(...names) {
      const all = names.map((name) => runner(name).come())
      const present = () => bus.ask<object[]>('fleet', {})
      await until('the runners there', DEADLINE_MS, present, (rows) => rows.length >= names.length)
      return all
    },
    standing,
    async update(more = {}) {
      await bus.ask('update', { assistant_id, ...more })
      return standing()
    },
    async end() {
      for (const one of runners) one.silence()
      await day.end()
    },
  }
}
