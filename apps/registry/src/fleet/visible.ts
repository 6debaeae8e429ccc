// Promotions as somebody sees them who may not see every version: those of versions that match, of earlier lives of the id
// and of other owners' times none.
import { matches, type ReadModel } from '@assistant-ledger/read-model'
import type { Filter } from '../auth/authorizer.js'

interface OfVersion {
  readonly generation: number
  readonly version: number
}

/** @param visible undefined: everything is seen */
export async function visibleOf<Promotion extends OfVersion>(
  model: ReadModel,
  assistantId: string,
  promotions: readonly Promotion[],
  visible: Filter | undefined,
): Promise<readonly Promotion[]> {
  if (!visible) return promotions
  // A version is often promoted again: there and back.
  const seen = new Map<string, boolean>()
  for (const { generation, version } of promotions) {
    const name = `${generation}.${version}`
    if (seen.has(name)) continue
    const row = await model.version(assistantId, version, generation)
    seen.set(name, row !== undefined && matches(row.metadata, visible))
  }
  return promotions.filter(({ generation, version }) => seen.get(`${generation}.${version}`))
}
