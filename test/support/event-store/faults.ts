// What goes wrong on demand. A fault is set a number of times, or until it is taken back, and tells when it strikes.

/** Faults that strike calls as they come. */
export type CallFault =
  /** An append is taken and never written nor answered. */
  | 'hang-append'
  /** An append is written and never answered. */
  | 'drop-reply'
  /** A batch append is written and answered twice. */
  | 'duplicate-reply'
  /** Answers to appends, deletions and the first one to reads come later, by the given milliseconds. */
  | 'delay-replies'
  /** The question what the server can do fails with INTERNAL. */
  | 'features-internal'
  /** Every call fails with UNAVAILABLE. */
  | 'unavailable'
  /** Appends, and all calls that require the leader, are sent to one elsewhere. A real follower takes the former. */
  | 'not-leader'
  /** Reading `$all` and subscribing to it is refused. */
  | 'refuse-all'

/** Faults that strike at once what is open. */
export type SuddenFault =
  /** Open subscriptions end with OK. */
  | 'end-subscriptions'
  /** Open subscriptions are aborted as too slow. */
  | 'abort-subscriptions'
  /** Open subscriptions say nothing more, and do not end. */
  | 'silence-subscriptions'
  /** All connections are cut. */
  | 'kill-sockets'

export interface FaultOptions {
  /** How often it strikes; without it, until it is taken back. */
  readonly times?: number
  /** For `delay-replies`. */
  readonly ms?: number
  /** For `not-leader`: where the leader is said to be; without it, here. */
  readonly leader?: { readonly host: string; readonly port: number }
}

interface Set {
  readonly options: FaultOptions
  left: number
}

export class Faults {
  private readonly set = new Map<CallFault, Set>()

  /** @param struck is told of each strike */
  constructor(private readonly struck: (fault: CallFault) => void) {}

  put(fault: CallFault, options: FaultOptions): void {
    this.set.set(fault, { options, left: options.times ?? Number.POSITIVE_INFINITY })
  }

  takeBack(fault: CallFault): void {
    this.set.delete(fault)
  }

  /** Whether the fault strikes here and now, with its options; counts it. */
  strike(fault: CallFault): FaultOptions | undefined {
    const set = this.set.get(fault)
    if (!set) return undefined
    set.left -= 1
    if (set.left <= 0) this.set.delete(fault)
    this.struck(fault)
    return set.options
  }

  /** Waits before an answer, when told so. */
  async delay(): Promise<void> {
    const ms = this.strike('delay-replies')?.ms
    if (ms !== undefined) await new Promise((resolve) => setTimeout(resolve, ms))
  }
}
