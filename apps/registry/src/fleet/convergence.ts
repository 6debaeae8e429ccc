// Where a promotion stands, from the read model: the one way in which receipts, guards, the live feed and queries see
// it, of now and of the past.
import { type Convergence, convergenceOf, type Promotion, type Stay } from '@assistant-ledger/assistant'
import type { FleetModel, RunnerRow } from '@assistant-ledger/read-model'

/** The runners that are there now, measured by a promotion. */
export async function convergenceNow(fleet: FleetModel, promotion: Promotion): Promise<Convergence> {
  const { assistantId, environment, graph, revision } = promotion
  const [runners, words] = await Promise.all([
    fleet.following({ environment, graph, assistantId }),
    fleet.words(assistantId, environment, revision),
  ])
  return convergenceOf(promotion, runners.map(stayOf), words)
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
  return convergenceOf(promotion, stays, words)
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
