// The service's read model against what the log gives, both at one position: it is opened where it stands, and the log is
// read on to there.
import { setTimeout as pause } from 'node:timers/promises'
import type { LogForReading } from '@assistant-ledger/event-log'
import {
  openSnapshot,
  type ReadModel,
  type Snapshot,
  type SnapshotSource,
} from '@assistant-ledger/read-model'
import type { Findings } from './findings.js'
import type { Pass } from './pass.js'
import { compareRows, compareTerms, type RowsOptions, sameTerms } from './rows.js'

const LOOK_EVERY_MS = 200

export interface ReadModelCheckOptions {
  readonly log: LogForReading
  readonly source: SnapshotSource
  /** What the pass projects into, and its file. */
  readonly model: ReadModel
  readonly file: string
  readonly pass: Pass
  /** How long the service's may take to be where the log was when it was read. */
  readonly patience_ms: number
  readonly findings: Findings
  readonly signal: AbortSignal
  onProgress(rows: number): void
}

/** @returns rows that were compared @throws NoReadModel */
export async function compareReadModel(options: ReadModelCheckOptions): Promise<number> {
  const { model, signal } = options
  let terms: number | undefined
  const rows = await atOnePosition(options, async (both) => {
    const rows = await compareRows(both)
    terms = await sameTerms(both)
    return rows
  })
  if (rows === undefined) return 0
  // To name one that differs, those of the log are made: into the file that was just let go of.
  if (terms === undefined && (await model.finish(signal))) terms = await atOnePosition(options, compareTerms)
  signal.throwIfAborted()
  return rows + (terms ?? 0)
}

/** Undefined when there is no position that both have, which is a difference. */
async function atOnePosition<T>(
  options: ReadModelCheckOptions,
  compare: (both: RowsOptions) => Promise<T>,
): Promise<T | undefined> {
  const { log, file, findings, signal, onProgress } = options
  const served = await servedAt(options)
  if (!served) return undefined
  try {
    const folded = await openSnapshot({ file }, log.project)
    try {
      return await compare({ project: log.project, served, folded, findings, signal, onProgress })
    } finally {
      await folded.close()
    }
  } finally {
    await served.close()
  }
}

/** The service's read model at a position that the log was read to. */
async function servedAt(options: ReadModelCheckOptions): Promise<Snapshot | undefined> {
  const { log, source, pass, patience_ms, findings, signal } = options
  const until = performance.now() + patience_ms
  for (;;) {
    const served = await openSnapshot(source, log.project)
    const { position } = served
    const head = await log.head()
    if (position >= pass.position && position <= head) {
      await pass.through(position)
      return served
    }
    await served.close()
    const late = performance.now() > until
    if (position > head || late) {
      const what =
        position > head
          ? `it was projected through position ${position}, and the log ends at ${head}: the log's end was cut off`
          : `it is projected through position ${position} only, and the log was read through ${pass.position}`
      findings.add('read-model', { table: 'checkpoint', position: String(position) }, what)
      return undefined
    }
    await pause(LOOK_EVERY_MS, undefined, { signal })
  }
}
