// Fills a log file with assistants, through the same decisions and the same log as the service, without its bus.

import { randomBytes, randomUUID } from 'node:crypto'
import {
  assistantStream,
  type Command,
  type CommandContext,
  commandHashOf,
  decide,
  EMPTY,
  fold,
  ledgerStream,
  type Recorded,
  type State,
  sealLedgerEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventData, type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { sampleContent, sampleId } from './samples.js'

export interface Population {
  readonly assistants: number
  /** Versions of each assistant; every one goes live. */
  readonly versions: number
}

/** Appends that may be under way at once. */
const IN_FLIGHT = 256
/** Events of one append when a stream is written alone. */
const BATCH = 100

/** Writes a log with `assistants` x `versions`, and says how many events it has. */
export async function generateLog(
  file: string,
  project: string,
  { assistants, versions }: Population,
): Promise<number> {
  const log = await openEmbeddedLog({ file })
  try {
    await openLedger(log, project)
    let events = 1
    let next = 0
    const worker = async () => {
      while (next < assistants) {
        const count = await generateAssistant(log, project, next++, versions)
        events += count
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
    return events
  } finally {
    await log.close()
  }
}

/** What a create of a sample assistant appends. */
export function creation(project: string, assistant: number): readonly EventData[] {
  const assistant_id = sampleId(assistant)
  const content = sampleContent(assistant, 1)
  const command: Command = { type: 'create', assistant_id, content, if_exists: 'raise' }
  const decision = decide(EMPTY, command, context(assistantStream(project, assistant_id), command))
  if (decision.type !== 'events') throw new Error(`a create was ${decision.type}`)
  return decision.events
}

async function openLedger(log: EventLog, project: string): Promise<void> {
  const event = { type: 'LedgerOpened', data: { log_id: randomUUID(), salt: salt() } } as const
  const from = {
    stream: ledgerStream(project),
    now: timestamp(Date.now()),
    commandId: randomUUID(),
    commandHash: '',
  }
  await log.append(ledgerStream(project), 'no_stream', [sealLedgerEvent(event, undefined, from)])
}

async function generateAssistant(
  log: EventLog,
  project: string,
  assistant: number,
  versions: number,
): Promise<number> {
  const stream = assistantStream(project, sampleId(assistant))
  let state: State = EMPTY
  let waiting: EventData[] = []
  let written = -1n
  const flush = async () => {
    if (waiting.length === 0) return
    const { revision } = await log.append(stream, written < 0n ? 'no_stream' : written, waiting)
    written = revision
    waiting = []
  }
  for (let version = 1; version <= versions; version++) {
    const content = sampleContent(assistant, version)
    const command: Command =
      version === 1
        ? { type: 'create', assistant_id: sampleId(assistant), content, if_exists: 'raise' }
        : { type: 'change', patch: content, promote_to: 'live' }
    const decision = decide(state, command, context(stream, command))
    if (decision.type !== 'events') throw new Error(`version ${version} was ${decision.type}`)
    const first = (state.head?.revision ?? -1n) + 1n
    const recorded = decision.events.map(
      ({ type, data, metadata }, i) =>
        ({ revision: first + BigInt(i), event: { type, data }, metadata }) as Recorded,
    )
    // Only what the next version is built from: a fold that kept every content would hold the whole log in memory.
    state = forget(fold(state, recorded))
    waiting.push(...decision.events)
    if (waiting.length >= BATCH) await flush()
  }
  await flush()
  return Number(state.head?.revision ?? -1n) + 1
}

function forget(state: State): State {
  const live = state.life?.environments.get('live')
  if (!state.life || !live) return state
  const content = state.life.contents.get(live.version)
  const contents = new Map(content ? [[live.version, content]] : [])
  const environments = new Map([['live', { ...live, below: undefined }]])
  return { ...state, commands: new Map(), life: { ...state.life, contents, environments } }
}

function context(stream: string, command: Command): CommandContext {
  return {
    stream,
    commandId: randomUUID(),
    commandHash: commandHashOf({ verb: command.type, assistant_id: undefined, request: command }),
    keyed: false,
    actor: { id: 'bench', verified: false, via: 'nats' },
    now: timestamp(Date.now()),
    salts: [salt(), salt()],
    environments: new Set(['live', 'staging']),
  }
}

const salt = (): string => randomBytes(16).toString('base64url')
