// What does not agree: each difference with the place where it is, the first of each part first. A log that is wrong
// throughout has millions of them: a bounded number is kept, the rest is counted.

/** What is proved, in this order. */
export const PARTS = ['log', 'checkpoints', 'read-model', 'bucket', 'feed', 'runners'] as const
export type Part = (typeof PARTS)[number]

/** Where a difference is. Which of them are there follows from the part. */
export interface Place {
  readonly stream?: string
  readonly revision?: number
  /** Decimal text. */
  readonly position?: string
  readonly table?: string
  /** Of a row, `column=value`, or of the bucket. */
  readonly key?: string
  /** Of the event stream. */
  readonly sequence?: number
  readonly runner?: string
}

export interface Difference extends Place {
  readonly part: Part
  /** One sentence for a person. */
  readonly what: string
}

/** What was found in one part. */
export interface PartReport {
  readonly part: Part
  /** How much of it was looked at, and what that is, in the plural: `12 events`. */
  readonly checked: number
  readonly unit: string
  /** All of them, also those that are not kept. */
  readonly differences: number
}

/** Differences of one part that are kept. */
const KEPT = 20

export class Findings {
  readonly kept: Difference[] = []
  /** What is no difference, and yet worth knowing. */
  readonly notes: string[] = []
  private readonly counts = new Map<Part, number>()

  add(part: Part, place: Place, what: string): void {
    const count = (this.counts.get(part) ?? 0) + 1
    this.counts.set(part, count)
    if (count <= KEPT) this.kept.push({ part, ...place, what })
  }

  /** Whether one more would be kept, so that finding out where it is pays. */
  keeps(part: Part): boolean {
    return this.count(part) < KEPT
  }

  count(part: Part): number {
    return this.counts.get(part) ?? 0
  }
}

/** A number of things in words: `1 event`, `2 events`. */
export const counted = (count: number, of: string): string => `${count} ${of}${count === 1 ? '' : 's'}`

/** A place in words: `stream assistant.default-… revision 3`. */
export function placeOf({ stream, revision, position, table, key, sequence, runner }: Place): string {
  const parts = [
    runner === undefined ? undefined : `runner ${runner}`,
    table === undefined ? undefined : `table ${table}`,
    key === undefined ? undefined : `key ${key}`,
    stream === undefined ? undefined : `stream ${stream}`,
    revision === undefined ? undefined : `revision ${revision}`,
    position === undefined ? undefined : `position ${position}`,
    sequence === undefined ? undefined : `sequence ${sequence}`,
  ]
  return parts.filter((part) => part !== undefined).join(' ')
}
