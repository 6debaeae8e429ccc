// What runners report, on its way into the log: taken from JetStream in order, recorded many at a time, acknowledged
// when it is durable. Whatever comes twice is recorded once.
import { setTimeout as pause } from 'node:timers/promises'
import { decodeToken, type RunnerReport, timestamp } from '@assistant-ledger/assistant'
import { ackStream } from '@assistant-ledger/change-feed'
import { type EventLog, LogConflict } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import {
  AckPolicy,
  type Consumer,
  type ConsumerInfo,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { LIMITS } from '../limits.js'
import { reports as counted } from '../observability/metrics.js'
import { observed } from '../observability/observed.js'
import type { Digests } from './digests.js'
import { FLEET_LIMITS } from './limits.js'
import { type AckMessage, readAck } from './message.js'
import type { FleetLog } from './record.js'

/** The one durable consumer: it goes on where whoever recorded before had stopped. */
const CONSUMER = 'registry'
/** What a service that was killed had taken is delivered to the next one after this long. */
const ACK_WAIT_MS = 5_000
const FETCH_EXPIRES_MS = 5_000

export interface ReportsOptions {
  readonly connection: NatsConnection
  readonly project: string
  readonly log: EventLog
  readonly model: ReadModel
  readonly fleetLog: FleetLog
  readonly digests: Digests
  readonly warn: (line: string) => void
}

export class Reports {
  private waiting: JsMsg[] = []
  private ending = false
  private recording: Promise<void> | undefined

  constructor(private readonly options: ReportsOptions) {}

  /** Sequence of the newest report that JetStream has by now; undefined when it does not say. */
  async newest(): Promise<number | undefined> {
    const { connection, project } = this.options
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false })
      return (await manager.streams.info(ackStream(project))).state.last_seq
    } catch {
      return undefined
    }
  }

  /** Whether all reports up to a sequence are recorded; false when JetStream does not say. */
  async areRecorded(newest: number): Promise<boolean> {
    const info = await this.consumer()
    if (!info) return false
    return info.ack_floor.stream_seq >= newest || (info.num_pending === 0 && info.num_ack_pending === 0)
  }

  /** How many reports JetStream has that are not recorded; undefined when it does not say. */
  async pending(): Promise<number | undefined> {
    const info = await this.consumer()
    return info && info.num_pending + info.num_ack_pending
  }

  private async consumer(): Promise<ConsumerInfo | undefined> {
    const { connection, project } = this.options
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false })
      return await manager.consumers.info(ackStream(project), CONSUMER)
    } catch {
      return undefined
    }
  }

  /** Records until the signal; breaks of the connection are waited out. */
  async run(signal: AbortSignal): Promise<void> {
    this.ending = signal.aborted
    signal.addEventListener('abort', () => {
      this.ending = true
    })
    let broken = false
    while (!signal.aborted) {
      try {
        const consumer = await this.open()
        while (!signal.aborted) {
          await this.fetch(consumer, signal)
          if (broken) this.options.warn('runner reports are recorded again')
          broken = false
        }
      } catch (error) {
        if (!broken && !signal.aborted)
          this.options.warn(
            `runner reports cannot be taken, and are tried again: ${(error as Error).message}`,
          )
        broken = true
        await pause(FLEET_LIMITS.retry_ms, undefined, { signal }).catch(() => undefined)
      }
    }
    await this.recording
  }

  private async open(): Promise<Consumer> {
    const { connection, project } = this.options
    const stream = ackStream(project)
    const manager = await jetstreamManager(connection)
    await manager.consumers.add(stream, {
      name: CONSUMER,
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ACK_WAIT_MS),
      max_ack_pending: FLEET_LIMITS.reportsAhead,
    })
    return jetstream(connection).consumers.get(stream, CONSUMER)
  }

  private async fetch(consumer: Consumer, signal: AbortSignal): Promise<void> {
    const messages = await consumer.fetch({
      max_messages: FLEET_LIMITS.reportsAhead,
      expires: FETCH_EXPIRES_MS,
    })
    let failure: unknown
    const stop = () => messages.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const message of messages) {
        this.waiting.push(message)
        this.recording ??= this.record()
          .catch((error) => {
            failure = error
            stop()
          })
          .finally(() => {
            this.recording = undefined
          })
      }
      await this.recording
      if (failure) throw failure
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Everything that has come while the last batch was written is the next one. */
  private async record(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      try {
        await this.recordBatch(batch)
      } catch (error) {
        for (const message of batch) message.nak(FLEET_LIMITS.retry_ms)
        throw error
      }
      for (const message of batch) message.ack()
    }
  }

  private async recordBatch(batch: readonly JsMsg[]): Promise<void> {
    const groups = new Map<string, RunnerReport[]>()
    for (const message of batch) {
      const report = this.read(message)
      if (report) groups.set(report.assistantId, [...(groups.get(report.assistantId) ?? []), report.report])
    }
    const recorded = await Promise.allSettled(
      [...groups].map(([assistantId, reports]) => this.recordOf(assistantId, reports)),
    )
    // The next batch looks in the read model for what it has again, also what one failure makes come again.
    for (const one of recorded) if (one.status === 'fulfilled') await this.projected(one.value)
    const failed = recorded.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }

  private async projected(position: bigint): Promise<void> {
    const { model, warn } = this.options
    while (!(await model.reached(position, LIMITS.readModelWait_ms))) {
      if (this.ending) return
      warn('recording of runner reports waits for the projection')
    }
  }

  private async recordOf(assistantId: string, all: readonly RunnerReport[]): Promise<bigint> {
    const { digests } = this.options
    const reports = await this.possible(assistantId, all)
    const position = await this.appendNews(assistantId, reports)
    for (const report of reports) digests.note(report, assistantId, report.revision, report.status)
    return position
  }

  /** A report of what this log does not have is of another log, or made up. */
  private async possible(assistantId: string, all: readonly RunnerReport[]): Promise<RunnerReport[]> {
    const met = await this.met(assistantId, all)
    if (all.every(met)) return [...all]
    // Nothing is passed over because the read model is late.
    await this.projected(await this.options.log.head())
    return all.filter(await this.met(assistantId, all))
  }

  private async met(
    assistantId: string,
    reports: readonly RunnerReport[],
  ): Promise<(report: RunnerReport) => boolean> {
    const { fleet } = this.options.model
    const keyOf = ({ environment, revision }: RunnerReport) => JSON.stringify([environment, revision])
    const asked = new Map(reports.map((report) => [keyOf(report), report]))
    const met = new Set<string>()
    for (const [key, { environment, revision }] of asked)
      if (await fleet.canMeet(assistantId, environment, revision)) met.add(key)
    return (report) => met.has(keyOf(report))
  }

  /** Appends what is not recorded yet, also when somebody else records at the same time. */
  private async appendNews(assistantId: string, reports: readonly RunnerReport[]): Promise<bigint> {
    const { fleetLog, log } = this.options
    let position = 0n
    for (let attempt = 1; ; attempt++) {
      const news = await this.unrecorded(assistantId, reports)
      try {
        for (let next = 0; next < news.length; next += FLEET_LIMITS.reportsAnEvent) {
          const some = news.slice(next, next + FLEET_LIMITS.reportsAnEvent)
          position = await fleetLog.append(assistantId, { type: 'RunnersReported', data: { reports: some } })
          for (const { environment, status } of some)
            counted.inc({ environment: observed.environmentLabel(environment), status })
        }
        return position
      } catch (error) {
        if (!(error instanceof LogConflict) || attempt === FLEET_LIMITS.appends) throw error
        await this.projected(await log.head())
      }
    }
  }

  private async unrecorded(assistantId: string, reports: readonly RunnerReport[]): Promise<RunnerReport[]> {
    const seen = new Set<string>()
    const known = new Map<string, ReadonlySet<string>>()
    const news: RunnerReport[] = []
    for (const report of reports) {
      const { environment, revision, runner, instance, status } = report
      const key = `${revision} ${environment}`
      const reported =
        known.get(key) ?? (await this.options.model.fleet.reported(assistantId, environment, revision))
      known.set(key, reported)
      const word = `${runner} ${instance} ${status}`
      if (seen.has(`${key} ${word}`) || reported.has(word)) continue
      seen.add(`${key} ${word}`)
      news.push(report)
    }
    return news
  }

  private read(message: JsMsg): { assistantId: string; report: RunnerReport } | undefined {
    const [assistantId = '', runner = ''] = message.subject.split('.').reverse()
    const ack = readAck(message.string(), { runner: decodeToken(runner), assistantId })
    if (!ack || ack.logId !== this.options.model.ledger?.logId) return undefined
    return { assistantId, report: reportOf(ack, timestamp(message.time.getTime())) }
  }
}

function reportOf(ack: AckMessage, at: string): RunnerReport {
  const { runner, instance, environment, revision, generation, version, hash, status, reason } = ack
  return {
    runner,
    instance,
    environment,
    revision,
    ...(generation === undefined ? {} : { generation, version: version as number, hash: hash as string }),
    status,
    ...(reason === undefined ? {} : { reason }),
    at,
  }
}
