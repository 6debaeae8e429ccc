// Which request an outcome belongs to: the id that stands in the metadata of its events ($correlationId), so that a line
// of the log, an event and a trace are found by one word. It goes beside the outcome, not in it: what a requester is
// told stays as it is.

const IDS = new WeakMap<object, string>()

/** Notes the id of the request that this reply, refusal or failure is the outcome of. */
export function correlate<Outcome>(outcome: Outcome, id: string | undefined): Outcome {
  if (id !== undefined && typeof outcome === 'object' && outcome !== null && !IDS.has(outcome))
    IDS.set(outcome, id)
  return outcome
}

export const correlationOf = (outcome: unknown): string | undefined =>
  typeof outcome === 'object' && outcome !== null ? IDS.get(outcome) : undefined
