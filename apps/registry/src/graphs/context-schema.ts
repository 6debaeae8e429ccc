// The schema of a graph's context, for what reads better with it and goes without.
import type { JsonObject } from '@assistant-ledger/assistant'
import type { GraphDescriptors } from './descriptors.js'

/** As runners reported it; undefined where nobody has, where a graph declares none, or while the read database is away. */
export async function contextSchemaOf(
  descriptors: Pick<GraphDescriptors, 'shown'>,
  graphId: string,
): Promise<JsonObject | undefined> {
  const found = await descriptors.shown(graphId).catch(() => undefined)
  const { context_schema, config_schema } = found?.descriptor.schemas ?? {}
  return context_schema ?? config_schema ?? undefined
}
