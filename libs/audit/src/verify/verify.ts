// Proves that the log was not altered, and that everything made from it agrees with it. The log is read once and
// projected into a read model of its own; what the service serves, what is in the bucket and on the feed, and what
// runners kept is compared with that, each at a position that both have, while the service goes on.

import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PUBLISHER_KEY, RETENTION_DAYS } from '@assistant-ledger/change-feed'
import type { LogForReading } from '@assistant-ledger/event-log'
import { NoReadModel, openReadModel, type ReadModel, type SnapshotSource } from '@assistant-ledger/read-model'
import { JetStreamError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { compareBucket } from './bucket.js'
import { CheckpointCheck } from './checkpoints.js'
import { tellCoverage, untilCovered } from './coverage.js'
import { compareFeed } from './feed.js'
import { type Difference, Findings, type Part, type PartReport } from './findings.js'
import { HeldCheckpoints } from './held.js'
import { NoRoom, Pass } from './pass.js'
import { publishedLog } from './published-log.js'
import { compareReadModel } from './read-model.js'
import { compareRunners } from './runners.js'
import { type Bus, StoredReadBroken } from './stored.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** How long what follows the log may take to be where it is: five watermarks. */
const PATIENCE_MS = 10_000

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
  private readonly parts: Omit<PartReport, 'differences'>[] = []
  private readonly keptSince_ms = Date.now() - RETENTION_DAYS * DAY_MS
  private readonly file: string
  private readonly patience_ms: number
  private readonly held: HeldCheckpoints

  constructor(
    private readonly options: VerifyOptions,
    workDir: string,
  ) {
    this.file = join(workDir, 'folded.db')
    this.patience_ms = options.patience_ms ?? PATIENCE_MS
    this.held = new HeldCheckpoints(options.log, options.trusted)
  }

  async run(): Promise<VerifyReport> {
    const { log, trusted, readModel, bus, stored = bus !== undefined, runners_ms, signal } = this.options
    const { findings, patience_ms } = this
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
        if (await this.isOfThisLog(bus, model)) {
          await this.bucket(bus, model, pass)
          await this.feed(bus, pass, compared)
        }
      }
      if (bus && runners_ms !== undefined) await this.runners(bus, runners_ms)
      await untilCovered(pass, checkpoints, 1.5 * patience_ms, signal)
      checkpoints.tellStrangers()
      tellCoverage(pass, checkpoints, log.project, findings)
      return this.report(pass, checkpoints)
    } finally {
      await model?.close()
    }
  }

  private async rows(source: SnapshotSource, model: ReadModel, pass: Pass): Promise<void> {
    const { file } = this
    const rows = await compareReadModel({ ...this.common('read-model'), source, model, file, pass })
    this.done('read-model', rows, 'rows')
  }

  private async isOfThisLog(bus: Bus, { ledger }: ReadModel): Promise<boolean> {
    const published = await publishedLog(bus, this.options.log.project)
    if (published === undefined || published === ledger?.logId) return true
    const what = `this NATS has the log ${published}, and this is ${ledger?.logId}: look at the NATS of its own service, or find out who put the other one there`
    this.findings.add('bucket', { key: PUBLISHER_KEY }, what)
    this.done('bucket', 0, 'keys')
    return false
  }

  private async bucket(bus: Bus, model: ReadModel, pass: Pass): Promise<void> {
    const { project } = this.options.log
    const keys = await compareBucket({
      ...this.common('bucket'),
      bus,
      project,
      model,
      pass,
      held: this.held,
    })
    this.done('bucket', keys, 'keys')
  }

  private async feed(bus: Bus, pass: Pass, through: bigint): Promise<void> {
    const { keptSince_ms } = this
    const messages = await compareFeed({
      ...this.common('feed'),
      bus,
      after: pass.feedFrom,
      through,
      keptSince_ms,
    })
    this.done('feed', messages, 'messages')
  }

  private async runners({ connection }: Bus, listen_ms: number): Promise<void> {
    const runners = await compareRunners({
      ...this.common('runners'),
      connection,
      held: this.held,
      listen_ms,
    })
    this.done('runners', runners, 'runners')
  }

  /** What every comparison needs. */
  private common(part: Part) {
    const { log, signal, onProgress } = this.options
    const { findings, patience_ms } = this
    return {
      log,
      findings,
      patience_ms,
      signal,
      onProgress: (done: number) => onProgress?.(part, done, undefined),
    }
  }

  private done(part: Part, checked: number, unit: string): void {
    this.parts.push({ part, checked, unit })
  }

  private report(pass: Pass, checkpoints: CheckpointCheck): VerifyReport {
    const { findings } = this
    if (pass.failure !== undefined)
      findings.notes.push(
        `the log cannot be folded, so nothing was compared with what it gives: ${pass.failure}`,
      )
    const log = { part: 'log', checked: pass.events, unit: 'events' } as const
    const signed = { part: 'checkpoints', checked: checkpoints.checked, unit: 'checkpoints' } as const
    const parts = [log, signed, ...this.parts].map((one) => ({
      ...one,
      differences: findings.count(one.part),
    }))
    const differences = parts.flatMap(({ part }) => findings.kept.filter((one) => one.part === part))
    return {
      agrees: differences.length === 0 && pass.failure === undefined,
      position: String(pass.position),
      parts,
      differences,
      notes: findings.notes,
    }
  }
}
