// Proves that the log was not altered, and that everything made from it agrees with it. The log is read once and
// projected into a read model of its own; what the service serves, what is in the bucket and on the feed, and what
// runners kept is compared with that, each at a position that both have, while the service goes on.

import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ledgerStream } from '@assistant-ledger/assistant'
import { RETENTION_DAYS } from '@assistant-ledger/change-feed'
import type { LogForReading } from '@assistant-ledger/event-log'
import {
  NoReadModel,
  openReadModel,
  openSnapshot,
  type ReadModel,
  type Snapshot,
  type SnapshotSource,
} from '@assistant-ledger/read-model'
import { JetStreamError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { compareBucket } from './bucket.js'
import { CheckpointCheck } from './checkpoints.js'
import { compareFeed } from './feed.js'
import { type Difference, Findings, type Part, type PartReport } from './findings.js'
import { NoRoom, Pass } from './pass.js'
import { compareRows } from './rows.js'
import { compareRunners } from './runners.js'
import { type Bus, StoredReadBroken } from './stored.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** How long what follows the log may take to be where it is: five watermarks. */
const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 200
/** A log as old as that has had its first checkpoint, and events have had the next one. */
const YOUNG_MS = 60_000

export interface VerifyOptions {
  readonly log: LogForReading
  /** Whose checkpoints are believed. */
  readonly trusted: readonly KeyObject[]
  /** The service's read model; undefined: not looked at. */
  readonly readModel?: SnapshotSource
  /** For the bucket and the feed, and to hear runners. */
  readonly bus?: Bus
  /** Whether bucket and feed are looked at; absent: where there is a bus. */
  readonly stored?: boolean
  /** Milliseconds that runners are listened to; undefined: not looked at. */
  readonly runners_ms?: number
  /** Where the log is projected; it takes about the space of the read model. Absent: the system's temporary files. */
  readonly workDir?: string
  /** Milliseconds that what follows the log may take to be where it is; 10,000 when absent. */
  readonly patience_ms?: number
  readonly signal: AbortSignal
  onProgress?(part: Part, done: number, total: number | undefined): void
}

export interface VerifyReport {
  /** No difference anywhere that was looked at. */
  readonly agrees: boolean
  /** The log was read through this position. */
  readonly position: string
  readonly parts: readonly PartReport[]
  /** The first of each part, in the order of the parts. */
  readonly differences: readonly Difference[]
  readonly notes: readonly string[]
}

/** Something that was to be compared is not there, or could not be read to its end. One line. */
export class CannotVerify extends Error {
  override readonly name = 'CannotVerify'
}

/** @throws CannotVerify @throws LogUnavailable, and the signal's reason */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const workDir = await mkdtemp(join(options.workDir ?? tmpdir(), 'assistants-verify-'))
  try {
    return await new Verification(options, workDir).run()
  } catch (error) {
    if (error instanceof NoReadModel || error instanceof StoredReadBroken)
      throw new CannotVerify(error.message, { cause: error })
    if (error instanceof NoRoom)
      throw new CannotVerify(
        `the log could not be projected into ${workDir}: ${error.message}; it takes about the size of the read model, and --work-dir names another place`,
        { cause: error },
      )
    if (error instanceof JetStreamError || error instanceof errors.RequestError)
      throw new CannotVerify(`NATS does not show what is stored there: ${error.message}`, { cause: error })
    throw error
  } finally {
    await rm(workDir, { recursive: true, force: true })
  }
}

class Verification {
  private readonly findings = new Findings()
  private readonly parts: PartReport[] = []
  private readonly keptSince_ms = Date.now() - RETENTION_DAYS * DAY_MS
  private readonly file: string
  private readonly patience_ms: number

  constructor(
    private readonly options: VerifyOptions,
    workDir: string,
  ) {
    this.file = join(workDir, 'folded.db')
    this.patience_ms = options.patience_ms ?? PATIENCE_MS
  }

  async run(): Promise<VerifyReport> {
    const { log, trusted, readModel, bus, stored = bus !== undefined, runners_ms, signal } = this.options
    const { findings } = this
    const model =
      readModel || stored
        ? await openReadModel({ file: this.file, project: log.project, passing: true })
        : undefined
    try {
      const checkpoints = new CheckpointCheck(log, trusted, findings)
      const head = await log.head()
      const pass = new Pass({
        log,
        model,
        checkpoints,
        findings,
        keptSince_ms: this.keptSince_ms,
        signal,
        onProgress: (_, position) => this.options.onProgress?.('log', Number(position), Number(head)),
      })
      await pass.through(head)
      const folds = pass.failure === undefined
      if (readModel && model && folds) await this.rows(readModel, model, pass)
      const compared = pass.position
      if (bus && stored && model && folds) {
        await this.bucket(bus, model, pass)
        await this.feed(bus, pass, compared)
      }
      if (bus && runners_ms !== undefined) await this.runners(bus, runners_ms)
      await this.untilCovered(pass, checkpoints)
      this.tell(pass, checkpoints)
      return this.report(pass)
    } finally {
      await model?.close()
    }
  }

  private async rows(source: SnapshotSource, model: ReadModel, pass: Pass): Promise<void> {
    const { log, signal } = this.options
    const served = await this.servedAt(source, pass)
    if (!served) return
    try {
      await model.finish(signal)
      const folded = await openSnapshot({ file: this.file }, log.project)
      try {
        const { findings } = this
        const onProgress = (rows: number) => this.options.onProgress?.('read-model', rows, undefined)
        const rows = await compareRows({ project: log.project, served, folded, findings, signal, onProgress })
        this.done('read-model', rows, 'rows')
      } finally {
        await folded.close()
      }
    } finally {
      await served.close()
    }
  }

  /** The service's read model at a position that the log was read to. */
  private async servedAt(source: SnapshotSource, pass: Pass): Promise<Snapshot | undefined> {
    const { log, signal } = this.options
    const until = performance.now() + this.patience_ms
    for (;;) {
      const served = await openSnapshot(source, log.project)
      const { position } = served
      if (position >= pass.position && position <= (await log.head())) {
        await pass.through(position)
        return served
      }
      await served.close()
      const head = await log.head()
      if (position > head) {
        const what = `it was projected through position ${position}, and the log ends at ${head}: the log's end was cut off`
        this.findings.add('read-model', { table: 'checkpoint', position: String(position) }, what)
        this.done('read-model', 0, 'rows')
        return undefined
      }
      if (performance.now() > until) {
        const what = `it is projected through position ${position} only, and the log was read through ${pass.position}`
        this.findings.add('read-model', { table: 'checkpoint', position: String(position) }, what)
        this.done('read-model', 0, 'rows')
        return undefined
      }
      await pause(LOOK_EVERY_MS, undefined, { signal })
    }
  }

  private async bucket(bus: Bus, model: ReadModel, pass: Pass): Promise<void> {
    const { log, signal } = this.options
    const onProgress = (keys: number) => this.options.onProgress?.('bucket', keys, undefined)
    const { findings } = this
    const { patience_ms } = this
    const keys = await compareBucket({
      bus,
      project: log.project,
      model,
      pass,
      patience_ms,
      findings,
      signal,
      onProgress,
    })
    this.done('bucket', keys, 'keys')
  }

  private async feed(bus: Bus, pass: Pass, through: bigint): Promise<void> {
    const { log, signal } = this.options
    const { findings, keptSince_ms } = this
    const onProgress = (messages: number) => this.options.onProgress?.('feed', messages, undefined)
    const after = pass.feedFrom
    const messages = await compareFeed({
      bus,
      log,
      after,
      through,
      keptSince_ms,
      patience_ms: this.patience_ms,
      findings,
      signal,
      onProgress,
    })
    this.done('feed', messages, 'messages')
  }

  private async runners({ connection }: Bus, listen_ms: number): Promise<void> {
    const { log, trusted, signal } = this.options
    const { findings } = this
    const runners = await compareRunners({ connection, log, trusted, listen_ms, findings, signal })
    this.done('runners', runners, 'runners')
  }

  /** Events that were imported are as old as they were elsewhere: their checkpoint may still be on its way. */
  private async untilCovered(pass: Pass, checkpoints: CheckpointCheck): Promise<void> {
    const { signal } = this.options
    const until = performance.now() + 1.5 * this.patience_ms
    while (checkpoints.uncoveredFor_ms > YOUNG_MS && checkpoints.checked > 0 && performance.now() < until) {
      await pause(LOOK_EVERY_MS, undefined, { signal })
      await pass.toEnd()
    }
  }

  private tell(pass: Pass, checkpoints: CheckpointCheck): void {
    const { findings, options } = this
    const ledger = { stream: ledgerStream(options.log.project) }
    checkpoints.tellStrangers()
    if (pass.events === 0)
      findings.add(
        'log',
        ledger,
        `the log has no event of project ${options.log.project}: it was emptied, or is of another project`,
      )
    if (checkpoints.checked > 0) {
      const { uncovered, uncoveredFor_ms } = checkpoints
      if (uncoveredFor_ms > YOUNG_MS)
        findings.add(
          'checkpoints',
          ledger,
          `none covers the newest events, ${uncovered} of them, which were written over ${Math.round(uncoveredFor_ms / 1000)} s: those that did were cut off, or the service that wrote them could not sign. One that runs signs within seconds`,
        )
      else if (uncovered > 0) findings.notes.push(`no checkpoint covers the newest events yet: ${uncovered}`)
    } else if (pass.events > 0 && pass.firstAt_ms < Date.now() - YOUNG_MS)
      findings.add(
        'checkpoints',
        ledger,
        'the log has none: whether its end was cut off, or a whole stream is gone, cannot be told. A service that runs signs one within seconds',
      )
    if (pass.failure !== undefined)
      findings.notes.push(
        `the log cannot be folded, so nothing was compared with what it gives: ${pass.failure}`,
      )
    this.parts.unshift(
      { part: 'log', checked: pass.events, unit: 'events', differences: findings.count('log') },
      {
        part: 'checkpoints',
        checked: checkpoints.checked,
        unit: 'checkpoints',
        differences: findings.count('checkpoints'),
      },
    )
  }

  private done(part: Part, checked: number, unit: string): void {
    this.parts.push({ part, checked, unit, differences: this.findings.count(part) })
  }

  private report(pass: Pass): VerifyReport {
    const { findings, parts } = this
    const differences = parts.flatMap(({ part }) => findings.kept.filter((one) => one.part === part))
    return {
      agrees: differences.length === 0 && pass.failure === undefined,
      position: String(pass.position),
      parts: parts.map((one) => ({ ...one, differences: findings.count(one.part) })),
      differences,
      notes: findings.notes,
    }
  }
}
