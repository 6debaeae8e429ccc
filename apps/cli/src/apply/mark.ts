// What tells the assistants that apply made from all others: only those are ever pruned.

/** The key in their metadata. */
export const MARK = 'managed_by'

/** Several repositories may apply to one service: each prunes what is its own. */
export const markOf = (owner: string): string => `assistants-apply/${owner}`

export const DEFAULT_OWNER = 'default'
