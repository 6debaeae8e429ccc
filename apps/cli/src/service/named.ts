// What tells one assistant from another, for people.
import type { Assistant } from './shapes.js'

export type Named = Pick<Assistant, (typeof NAMED)[number]>

export const NAMED = ['assistant_id', 'name', 'graph_id', 'metadata', 'version', 'updated_at'] as const
