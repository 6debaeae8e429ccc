// Where a promotion stands, from the read model: the one way in which receipts, guards, the live feed and queries see
// it. One that was superseded stands as it did at that moment, for ever.
import {
  type Convergence,
  convergenceOf,
  type Promotion,
  runnerKey,
  type Stay,
  type Word,
} from '@assistant-ledger/assistant'
import type { FleetModel, PromotionOfContent, RunnerRow } from '@assistant-ledger/read-model'

/** The runners that are there now, or were when it was superseded. */
export const convergenceNow = (fleet: FleetModel, promotion: PromotionOfContent): Promise<Convergence> =>
  asOf(fleet, promotion, promotion.superseded?.at, isBack)

/** The runners that were there at a time, and what they had said by then. */
export const convergenceAt = (fleet: FleetModel, promotion: Promotion, at: string): Promise<Convergence> =>
  asOf(fleet, promotion, at, isBack)

/** What a guard is judged by: a refusal stands, whoever comes after it. */
export const convergenceForGuard = (
  fleet: FleetModel,
  promotion: Promotion,
  at: string | undefined,
): Promise<Convergence> => asOf(fleet, promotion, at, () => false)

/** The runners that were there when it was promoted, and what had become of each when it was superseded, or has by now. */
export async function convergenceSince(
  fleet: FleetModel,
  promotion: PromotionOfContent,
): Promise<Convergence> {
  const { assistantId, environment, graph, revision, at } = promotion
  const end = promotion.superseded?.at
  const of = { environment, graph, assistantId }
  const [then, there, words] = await Promise.all([
    fleet.following(of, at),
    fleet.following(of, end),
    fleet.words(assistantId, environment, revision, end),
  ])
  // One that left and came back is not gone.
  const present = new Map(there.map((row) => [runnerKey(row), hereOf(row)]))
  const stays = then.map((row) => present.get(runnerKey(row)) ?? stayOf(row))
  return convergenceOf(promotion, await asItSpoke(fleet, stays, words), words)
}

/**
 * Who has refused and then gone, as a runner may that ends when it refuses, counts as refusing all the same, unless
 * `forgiven`.
 */
async function asOf(
  fleet: FleetModel,
  promotion: Promotion,
  at: string | undefined,
  forgiven: (gone: RunnerRow, there: readonly RunnerRow[]) => boolean,
): Promise<Convergence> {
  const { assistantId, environment, graph, revision } = promotion
  const [there, words] = await Promise.all([
    fleet.following({ environment, graph, assistantId }, at),
    fleet.words(assistantId, environment, revision, at),
  ])
  const gone = (await goneAfterRefusal(fleet, promotion, there, words, at)).filter(
    (row) => !forgiven(row, there),
  )
  const stays = [...there.map(hereOf), ...gone.map(stayOf)]
  return convergenceOf(promotion, await asItSpoke(fleet, stays, words), words)
}

async function goneAfterRefusal(
  fleet: FleetModel,
  { assistantId, environment, graph, at: since }: Promotion,
  there: readonly RunnerRow[],
  words: ReadonlyMap<string, Word>,
  at: string | undefined,
): Promise<RunnerRow[]> {
  const present = new Set(there.map(runnerKey))
  const refused = [...words].flatMap(([key, { status }]) =>
    status === 'rejected' && !present.has(key) ? key : [],
  )
  if (refused.length === 0) return []
  const missing = new Set(refused)
  const gone = await fleet.gone({ environment, graph, assistantId }, since, at)
  const last = new Map(gone.map((row) => [runnerKey(row), row]))
  return [...last].flatMap(([key, row]) => (missing.has(key) ? row : []))
}

/** Whether another process of that name has come since: then it is that one's word that counts. */
const isBack = ({ runner, left }: RunnerRow, there: readonly RunnerRow[]): boolean =>
  there.some((row) => row.runner === runner && left !== undefined && row.joinedAt >= left.at)

/** A runner that was there more than once took as long as it did in the stay in which it spoke. */
function asItSpoke(
  fleet: FleetModel,
  stays: readonly Stay[],
  words: ReadonlyMap<string, Word>,
): Promise<readonly Stay[]> {
  return Promise.all(
    stays.map(async (stay) => {
      const word = words.get(runnerKey(stay))
      const spokeThen = word && word.at >= stay.joinedAt && (!stay.left || word.at <= stay.left.at)
      if (!word || spokeThen) return stay
      const joinedAt = await fleet.cameBefore(stay, word.at)
      return joinedAt === undefined ? stay : { ...stay, joinedAt }
    }),
  )
}

/** As of a time at which it was there. */
const hereOf = ({ left: _, ...there }: RunnerRow): Stay => stayOf(there)

const stayOf = ({ runner, instance, build, joinedAt, left }: RunnerRow): Stay => ({
  runner,
  instance,
  joinedAt,
  ...(build === undefined ? {} : { build }),
  ...(left === undefined ? {} : { left }),
})
