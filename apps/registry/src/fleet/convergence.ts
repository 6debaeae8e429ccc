// Where a promotion stands, from the read model: the one way in which receipts, guards, the live feed and queries see
// it, of now and of the past.
import {
  type Convergence,
  convergenceOf,
  type Promotion,
  runnerKey,
  type Stay,
  type Word,
} from '@assistant-ledger/assistant'
import type { FleetModel, RunnerRow } from '@assistant-ledger/read-model'

/** The runners that are there now, measured by a promotion. */
export async function convergenceNow(fleet: FleetModel, promotion: Promotion): Promise<Convergence> {
  const { assistantId, environment, graph, revision } = promotion
  const [runners, words] = await Promise.all([
    fleet.following({ environment, graph, assistantId }),
    fleet.words(assistantId, environment, revision),
  ])
  return convergenceOf(promotion, await asItSpoke(fleet, runners.map(stayOf), words), words)
}

/** The runners that were there at a time, and what they had said by then. */
export async function convergenceAt(
  fleet: FleetModel,
  promotion: Promotion,
  at: string,
): Promise<Convergence> {
  const { assistantId, environment, graph, revision } = promotion
  const [runners, words] = await Promise.all([
    fleet.following({ environment, graph, assistantId }, at),
    fleet.words(assistantId, environment, revision, at),
  ])
  const stays = runners.map(({ left: _, ...there }) => stayOf(there))
  return convergenceOf(promotion, await asItSpoke(fleet, stays, words), words)
}

/** A runner that spoke, left and came back took as long as it did then: its time runs from when it came before that. */
function asItSpoke(
  fleet: FleetModel,
  stays: readonly Stay[],
  words: ReadonlyMap<string, Word>,
): Promise<readonly Stay[]> {
  return Promise.all(
    stays.map(async (stay) => {
      const word = words.get(runnerKey(stay))
      if (!word || word.at >= stay.joinedAt) return stay
      const joinedAt = await fleet.cameBefore(stay, word.at)
      return joinedAt === undefined ? stay : { ...stay, joinedAt }
    }),
  )
}

/**
 * The same, and who has refused and then gone since the promotion, as a runner may that ends when it refuses: its
 * refusal stands.
 */
export async function withRefusalsOfGone(
  fleet: FleetModel,
  convergence: Convergence,
  at?: string,
): Promise<Convergence> {
  const { promotion, rejected, of } = convergence
  const { assistantId, environment, graph, revision } = promotion
  const named = new Set(rejected.map(runnerKey))
  const words = await fleet.words(assistantId, environment, revision, at)
  const others = new Map([...words].filter(([key, { status }]) => status === 'rejected' && !named.has(key)))
  if (others.size === 0) return convergence
  const gone = await fleet.gone({ environment, graph, assistantId }, promotion.at, at)
  const stays = new Map(gone.map((row) => [runnerKey(row), stayOf(row)] as const))
  const more = convergenceOf(promotion, stays.values(), others).rejected
  return { ...convergence, of: of + more.length, rejected: [...rejected, ...more] }
}

/** The runners that were there when it was promoted, and what became of each. */
export async function convergenceSince(fleet: FleetModel, promotion: Promotion): Promise<Convergence> {
  const { assistantId, environment, graph, revision, at } = promotion
  const [runners, words] = await Promise.all([
    fleet.following({ environment, graph, assistantId }, at),
    fleet.words(assistantId, environment, revision),
  ])
  return convergenceOf(promotion, runners.map(stayOf), words)
}

const stayOf = ({ runner, instance, build, joinedAt, left }: RunnerRow): Stay => ({
  runner,
  instance,
  joinedAt,
  ...(build === undefined ? {} : { build }),
  ...(left === undefined ? {} : { left }),
})
