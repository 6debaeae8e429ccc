// The import of a file: first all of it is checked, against itself and against what is stored there; only then is it
// written, by whoever owns the log. Writing it twice changes nothing, so that one that broke off is simply run again.
import { readEvent, UnreadableEvent } from '@assistant-ledger/assistant'
import type { Begun } from '../export/line.js'
import { ForeignExport } from './altered.js'
import { type ExportedEvent, type ExportItem, readExport } from './read.js'

/** Events of one stream that follow one another, by their ids: what is stored there is compared with them. */
export interface Claim {
  readonly stream: string
  /** Revision of the first. */
  readonly from: number
  readonly ids: readonly string[]
  /** Whether the file has no earlier event of the stream. */
  readonly first: boolean
}

/** A stream that has something else than the file. */
export interface ImportConflict {
  readonly stream: string
  readonly revision: number
  readonly reason: string
}

export interface Checked {
  /** Events that are stored there already, as they are in the file. */
  readonly present: number
  readonly conflicts: readonly ImportConflict[]
}

/** Where an import goes: the running service. */
export interface ImportTarget {
  readonly project: string
  check(claims: readonly Claim[]): Promise<Checked>
  /** Writes events as they were recorded; those that are there already are passed over. */
  write(events: readonly ExportedEvent[]): Promise<{ readonly written: number }>
  /** Notes in the project's own stream what was imported. Called once, when something was written. */
  note(of: ImportNote): Promise<void>
}

export interface ImportNote {
  readonly log_id: string
  readonly epoch: number
  readonly events: number
  readonly written: number
  /** The chain of the file's last line. */
  readonly chain: string
}

export interface ImportProgress {
  readonly step: 'checking' | 'writing'
  readonly events: number
  /** Of both steps alike; unknown in the first. */
  readonly of: number | undefined
}

export interface ImportOptions {
  /** The file's bytes from its start, each time it is called: it is read twice. */
  readonly open: () => AsyncIterable<Buffer>
  readonly target: ImportTarget
  /** Checks, and writes nothing. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ImportProgress) => void
}

export interface Imported {
  /** In the file, without what is of its log alone. */
  readonly events: number
  readonly present: number
  readonly written: number
}

/** Streams of the target have something else than the file. Nothing was written. */
export class ImportConflicts extends Error {
  override readonly name = 'ImportConflicts'
  constructor(
    /** The first one of each stream. */
    readonly conflicts: readonly ImportConflict[],
    /** Whether there may be others: no more were looked for. */
    readonly more: boolean,
  ) {
    super(`${conflicts.length} streams have another history than the file`)
  }
}

/** Named at most; one that differs from the whole file must not fill the memory with its names. */
const MOST_CONFLICTS = 100
/** Events that are asked about at a time. */
const CHECKED_AT_A_TIME = 2_000
/** What is written at a time, by number and by characters of JSON. */
const WRITTEN_AT_A_TIME = 500
const WRITTEN_CHARACTERS = 1024 * 1024

/**
 * @throws AlteredExport the file is not what was exported: nothing was written
 * @throws ForeignExport it is of another project or version: nothing was written
 * @throws ImportConflicts
 * @throws Error of the target
 */
export async function importFile(options: ImportOptions): Promise<Imported> {
  const { begun, events, present, chain } = await check(options)
  if (options.dryRun || events === present) return { events, present, written: 0 }
  const written = await write(options, events)
  const { log_id, epoch } = begun
  if (written > 0) await options.target.note({ log_id, epoch, events, written, chain })
  return { events, present, written }
}

async function check({ open, target, signal, onProgress }: ImportOptions) {
  let begun: Begun | undefined
  let chain = ''
  let events = 0
  let present = 0
  const conflicts = new Map<string, ImportConflict>()
  let claims: Claim[] = []
  let claimed = 0
  const ask = async () => {
    const answer = await target.check(claims)
    present += answer.present
    for (const one of answer.conflicts) if (!conflicts.has(one.stream)) conflicts.set(one.stream, one)
    claims = []
    claimed = 0
    onProgress?.({ step: 'checking', events, of: undefined })
  }
  for await (const item of readExport(open())) {
    signal?.throwIfAborted()
    if (item.type === 'begun') begun = ofProject(item.begun, target.project)
    else if (item.type === 'ended') chain = item.ended.chain
    else if (!isOfLog(item.event)) {
      mustBeReadable(item)
      events += 1
      claimed += 1
      claim(claims, item.event, item.first)
      if (claimed >= CHECKED_AT_A_TIME) await ask()
      if (conflicts.size >= MOST_CONFLICTS) break
    }
  }
  if (claimed > 0) await ask()
  if (conflicts.size > 0)
    throw new ImportConflicts(
      [...conflicts.values()].slice(0, MOST_CONFLICTS),
      conflicts.size >= MOST_CONFLICTS,
    )
  return { begun: begun as Begun, events, present, chain }
}

function ofProject(begun: Begun, project: string): Begun {
  if (begun.project === project) return begun
  throw new ForeignExport(
    `line 1 says that it is of project ${begun.project}, and the service is of project ${project}: the hashes of every event name the project, so it can only go into one of that name`,
  )
}

/** What cannot be read is refused before anything is written, and not in the middle of it. */
function mustBeReadable({ event, line }: ExportItem & { readonly type: 'event' }): void {
  if (!event.stream.startsWith('assistant.')) return
  try {
    readEvent({ ...event, revision: BigInt(event.revision) })
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    throw new ForeignExport(`line ${line}: ${error.message}. Import it with the version that exported it`)
  }
}

function claim(claims: Claim[], { stream, revision, id }: ExportedEvent, first: boolean): void {
  const last = claims.at(-1)
  if (last?.stream === stream && last.from + last.ids.length === revision) (last.ids as string[]).push(id)
  else claims.push({ stream, from: revision, ids: [id], first })
}

async function write({ open, target, signal, onProgress }: ImportOptions, of: number): Promise<number> {
  let written = 0
  let events = 0
  let batch: ExportedEvent[] = []
  let characters = 0
  const send = async () => {
    written += (await target.write(batch)).written
    batch = []
    characters = 0
    onProgress?.({ step: 'writing', events, of })
  }
  for await (const item of readExport(open())) {
    signal?.throwIfAborted()
    if (item.type !== 'event' || isOfLog(item.event)) continue
    const size = JSON.stringify(item.event).length
    if (batch.length > 0 && characters + size > WRITTEN_CHARACTERS) await send()
    batch.push(item.event)
    events += 1
    characters += size
    if (batch.length >= WRITTEN_AT_A_TIME) await send()
  }
  if (batch.length > 0) await send()
  return written
}

/** What a log says of itself, its id, epochs and checkpoints, is true of its own positions only: it is not imported. */
const isOfLog = ({ stream }: ExportedEvent): boolean => stream.startsWith('ledger.')
