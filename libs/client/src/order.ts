// Whether something received is news. Within a log the order is (epoch, revision) for one assistant and (epoch,
// position) for a whole graph; nothing orders two logs, so only a watermark can move a client to another one.

/** The newest that is known of one assistant, applied or not. */
export interface Known {
  readonly logId: string
  readonly epoch: number
  readonly revision: number
  /** False when nothing is held of this order, and the same order is news if it comes, or comes again. */
  readonly usable: boolean
}

export type Verdict = 'apply' | 'older' | 'same' | 'other-log'

/** @param logId the log that the client follows */
export function judge(
  logId: string | undefined,
  known: Known | undefined,
  value: { readonly logId: string; readonly epoch: number; readonly revision: number },
): Verdict {
  if (value.logId !== logId) return 'other-log'
  if (known === undefined || known.logId !== logId) return 'apply'
  const order = value.epoch - known.epoch || value.revision - known.revision
  if (order < 0) return 'older'
  return order === 0 && known.usable ? 'same' : 'apply'
}

/** How far a client has got in a log. */
export interface Reached {
  readonly logId: string
  readonly epoch: number
  readonly position: bigint
}

/** Whether a watermark may speak for a client: the same log, and not behind what the client has seen. */
export function mayJudge(own: Reached | undefined, mark: Reached): boolean {
  if (own === undefined) return true
  if (own.logId !== mark.logId) return false
  return mark.epoch > own.epoch || (mark.epoch === own.epoch && mark.position >= own.position)
}

export const further = (own: Reached | undefined, seen: Reached): Reached =>
  own === undefined || mayJudge(own, seen)
    ? { logId: seen.logId, epoch: seen.epoch, position: seen.position }
    : own
