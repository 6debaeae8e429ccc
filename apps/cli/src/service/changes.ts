// The changes as the service tells them (server-sent events), going on after a cut where they were: nothing is missed or
// told twice, since each has its position and the next request names the last one.
import { setTimeout as pause } from 'node:timers/promises'
import type { HistoryEntry } from '@assistant-ledger/history'
import { Failure } from '../failure.js'
import type { HistoryAsk } from './history.js'
import type { Service } from './service.js'

/** Before a stream that was cut is opened again. */
const AGAIN_MS = 1_000
/** The service says every 15 s that it is there. One that is quiet for so long is not. */
const QUIET_MS = 60_000
/** Answers after which the next attempt may have another end. */
const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504])

export type Followed =
  /** The stream has begun: what comes is after this position. */
  | { readonly type: 'begun'; readonly position: bigint }
  | { readonly type: 'change'; readonly entry: HistoryEntry }
  /** It was given to somebody else, or to another graph than the one that is watched. */
  | { readonly type: 'gone'; readonly position: string; readonly assistant_id: string }

export interface Watch extends Pick<HistoryAsk, 'actor' | 'type' | 'graph_id' | 'environment' | 'reason'> {
  readonly assistant_id?: string
}

/**
 * Goes on until the signal.
 * @param told what to say of a cut and of its end
 * @throws Failure when the service refuses, or cannot be reached at the first attempt
 */
export async function* followChanges(
  service: Service,
  watch: Watch,
  signal: AbortSignal,
  told: (text: string) => void,
): AsyncGenerator<Followed> {
  let lastId: string | undefined
  let isCut = false
  for (;;) {
    try {
      const response = await service.open('/assistants/changes', {
        query: { ...watch },
        headers: lastId === undefined ? {} : { 'Last-Event-ID': lastId },
        what: 'log --follow',
      })
      if (isCut) told('the service is back; going on where it was')
      isCut = false
      for await (const { id, event, data } of eventsOf(response)) {
        if (id !== undefined) {
          if (lastId === undefined) yield { type: 'begun', position: BigInt(id) }
          lastId = id
        }
        if (data === undefined) continue
        if (event === 'change') yield { type: 'change', entry: JSON.parse(data) }
        else if (event === 'gone') yield { type: 'gone', ...JSON.parse(data) }
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (lastId === undefined || !mayComeBack(error)) throw error
      if (!isCut) told('the service is away; it is tried again until it is back')
      isCut = true
    }
    await pause(AGAIN_MS, undefined, { signal }).catch(() => {
      throw signal.reason
    })
  }
}

/** A refusal of what is asked stays one; a broken stream, a service that stops or starts, and a full one do not. */
function mayComeBack(error: unknown): boolean {
  if (!(error instanceof Failure)) return true
  return error.status === undefined || TRANSIENT.has(error.status)
}

interface Block {
  readonly id?: string
  readonly event?: string
  readonly data?: string
}

/** @throws Error when it is cut, or quiet for too long */
async function* eventsOf({ body }: Response): AsyncGenerator<Block> {
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const { value, done } = await withinQuiet(reader.read())
      if (done) return
      text += decoder.decode(value, { stream: true }).replaceAll('\r', '')
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) yield blockOf(block)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

async function withinQuiet<T>(read: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const quiet = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing came any more')), QUIET_MS)
  })
  try {
    return await Promise.race([read, quiet])
  } finally {
    clearTimeout(timer)
  }
}

function blockOf(text: string): Block {
  const fields = new Map(
    text.split('\n').map((line) => {
      const [name = '', value = ''] = line.split(/:(.*)/s)
      return [name, value.replace(/^ /, '')] as const
    }),
  )
  return Object.fromEntries(
    ['id', 'event', 'data'].flatMap((name) => (fields.has(name) ? [[name, fields.get(name)]] : [])),
  )
}
