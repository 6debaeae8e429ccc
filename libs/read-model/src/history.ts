// An environment's promotion history as an assistant's row keeps it: the newest few pointers at once, the rest in the
// promotions table. A promotion pushes on it, a rollback pops.
import type { Pointer } from '@assistant-ledger/assistant'

/** Pointers of an environment that its row holds; deeper ones are read from the promotions table. */
export const HISTORY_DEPTH = 8

/** One pointer that was set. */
export interface Promotion {
  readonly version: number
  readonly revision: number
  readonly at: string
}

export interface History {
  /** The graph of the version on top. */
  readonly graph: string
  /** Newest first, at least one. */
  readonly entries: readonly Promotion[]
  /** Revision of the promotion below the last entry, when there is one. */
  readonly next: number | undefined
}

/** Histories by environment, in the order in which these were first promoted to. */
export type Histories = ReadonlyMap<string, History>

/** The history after a promotion. */
export function pushed(history: History | undefined, top: Promotion, graph: string): History {
  const entries = [top, ...(history?.entries ?? [])]
  const next = entries[HISTORY_DEPTH]?.revision ?? history?.next
  return { graph, entries: entries.slice(0, HISTORY_DEPTH), next }
}

/** The history after a rollback: the top and what it goes back to are taken off, and `top` stands for the latter. */
export const popped = (history: History, top: Promotion, graph: string): History => ({
  graph,
  entries: [top, ...history.entries.slice(2)],
  next: history.next,
})

/** Revision of what a rollback of the top goes back to. */
export const belowTop = ({ entries, next }: History): number | undefined => entries[1]?.revision ?? next

type Stored = [
  environment: string,
  graph: string,
  next: number | null,
  entries: [version: number, revision: number, at: string][],
]

// A list of pairs, because an object would reorder environments whose names are numbers.
export const encodeHistories = (histories: Histories): string =>
  JSON.stringify(
    [...histories].map(([environment, { graph, next, entries }]) => [
      environment,
      graph,
      next ?? null,
      entries.map(({ version, revision, at }) => [version, revision, at]),
    ]),
  )

export const decodeHistories = (text: string): Map<string, History> =>
  new Map(
    (JSON.parse(text) as Stored[]).map(([environment, graph, next, entries]) => [
      environment,
      {
        graph,
        next: next ?? undefined,
        entries: entries.map(([version, revision, at]) => ({ version, revision, at })),
      },
    ]),
  )

/** What an environment points to, of all that is stored. */
export function topOf(text: string, environment: string): Promotion | undefined {
  const [, , , entries] = (JSON.parse(text) as Stored[]).find(([name]) => name === environment) ?? []
  if (!entries) return undefined
  const [[version, revision, at]] = entries as [Stored[3][number]]
  return { version, revision, at }
}

/** The history as decisions see it. */
export function pointerOf({ entries, next }: History): Pointer {
  let below: Pointer['below'] = next === undefined ? undefined : 'not-loaded'
  for (const { version, revision, at } of entries.toReversed())
    below = { version, revision: BigInt(revision), at, below }
  return below as Pointer
}
