// What the service answers about the past: its shapes are those of @assistant-ledger/history.
import type { Actor, Refusal } from '@assistant-ledger/assistant'
import type {
  Blamed,
  Change,
  HistoryEntry,
  HistoryPage,
  Impact,
  PatchOperation,
} from '@assistant-ledger/history'
import type { Patch } from './assistants.js'
import type { Service } from './service.js'

/** What a page of history may be narrowed to; absent matches everything. */
export interface HistoryAsk {
  readonly actor?: string
  /** Types of entries, with commas. */
  readonly type?: string
  readonly graph_id?: string
  readonly environment?: string
  /** ISO times. */
  readonly since?: string
  readonly until?: string
  readonly reason?: string
  readonly receipts?: boolean
}

/** A version that a point meant. */
export interface AtPoint {
  readonly point: string
  readonly ref: string
  readonly generation: number
  readonly version: number
  readonly at: string
  readonly actor: Actor
  readonly reason?: string
}

export interface Diff {
  readonly assistant_id: string
  readonly from: AtPoint
  readonly to: AtPoint
  readonly patch: readonly PatchOperation[]
  readonly changes: readonly Change[]
  readonly text: string
}

export interface Blame {
  readonly assistant_id: string
  readonly of: AtPoint
  /** Who set a field is absent where the asker may not see it. */
  readonly fields: readonly (Pick<Blamed, 'pointer' | 'value'> & Partial<Blamed>)[]
}

/** What a promotion would do, and what the service would say to it. */
export type Foreseen = Impact & {
  readonly decision: {
    readonly type: 'promoted' | 'unchanged' | 'refused'
    /** Of a refusal. */
    readonly refusal?: Pick<Refusal, 'code' | 'detail'>
  }
}

/** The most entries of one page. */
export const HISTORY_PAGE = 1_000

const historyPath = (id: string | undefined) =>
  id === undefined ? '/assistants/history' : `/assistants/${encodeURIComponent(id)}/history`

/**
 * The pages of an assistant's history, or of all, newest first; each is asked for when the one before was taken.
 * @param most ends after that many entries
 * @param until ends at that time of the process's clock, too
 */
export async function* historyPages(
  service: Service,
  id: string | undefined,
  ask: HistoryAsk,
  most = Number.POSITIVE_INFINITY,
  atOnce = HISTORY_PAGE,
  until = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly HistoryEntry[]> {
  let before: string | undefined
  for (let left = most; left > 0 && performance.now() < until; ) {
    const limit = Math.min(atOnce, left)
    const { body } = await service.ask<HistoryPage>('GET', historyPath(id), {
      query: { ...ask, limit, before },
      expects: ['entries'],
    })
    left -= body.entries.length
    if (body.entries.length > 0) yield body.entries
    if (body.next === undefined) return
    before = body.next
  }
}

const pathOf = (id: string, question: string) => `/assistants/${encodeURIComponent(id)}/${question}`

/** @param query points as the service reads them */
export const getDiff = (
  service: Service,
  id: string,
  query: { readonly from: string; readonly to: string; readonly environment?: string },
) => service.ask<Diff>('GET', pathOf(id, 'diff'), { query, expects: ['from', 'to', 'changes'] })

/** @param query `path` is a JSON pointer */
export const getBlame = (
  service: Service,
  id: string,
  query: { readonly of?: string; readonly environment?: string; readonly path?: string },
) => service.ask<Blame>('GET', pathOf(id, 'blame'), { query, expects: ['of', 'fields'] })

const FORESEEN = ['decision', 'changes', 'reached', 'would_refuse', 'violations'] as const

/** What promoting a version would do, or the one that an environment points to. */
export const getImpact = (
  service: Service,
  id: string,
  query: { readonly version?: number; readonly from?: string; readonly environment?: string },
) => service.ask<Foreseen>('GET', pathOf(id, 'impact'), { query, expects: FORESEEN })

/** What an update with this content would do in an environment. */
export const getImpactOf = (service: Service, id: string, content: Patch, environment: string) =>
  service.ask<Foreseen>('POST', pathOf(id, 'impact'), {
    body: { ...content, environment },
    expects: FORESEEN,
  })
