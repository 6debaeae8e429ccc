// What NATS has, compared with the log and repaired by the publisher, whose writes are fenced.
import { refuse } from '@assistant-ledger/assistant'
import type { Publisher, RepairReport } from '@assistant-ledger/change-feed'
import { RefusalError } from '../bus/contract.js'
import { pause } from '../signals.js'

export interface FeedChoices {
  readonly dryRun: boolean
  readonly recreate: boolean
}

export interface FeedOf {
  readonly publisher: () => Publisher | undefined
  readonly whoPublishes: () => Promise<string | undefined>
}

export type FeedLine =
  | { readonly step: 'keys' | 'events'; readonly done: number }
  | ({ readonly step: 'done' } & RepairReport)

const TELL_EVERY_MS = 200

/** @throws RefusalError `unavailable` */
export async function* replayFeed(
  of: FeedOf,
  choices: FeedChoices,
  signal: AbortSignal,
): AsyncGenerator<FeedLine> {
  const publisher = of.publisher()
  if (!publisher) {
    const other = await of.whoPublishes()
    throw away(
      other === undefined
        ? 'no replica publishes now: try again'
        : `the replica that publishes does it, and that is ${other} (process and host): send it to that one`,
    )
  }
  let told: FeedLine | undefined
  const ended = new AbortController()
  const repairing = publisher
    .repair({
      ...choices,
      signal,
      onProgress: (step, done) => {
        told = { step, done }
      },
    })
    .finally(() => ended.abort())
  repairing.catch(() => undefined)
  while (!ended.signal.aborted) {
    await pause(TELL_EVERY_MS, ended.signal)
    if (told) yield told
    told = undefined
  }
  let report: RepairReport
  try {
    report = await repairing
  } catch (error) {
    if (signal.aborted) return
    throw away((error as Error).message)
  }
  yield { step: 'done', ...report }
}

const away = (why: string) =>
  new RefusalError(refuse('unavailable', `The feed cannot be repaired now: ${why}`))
