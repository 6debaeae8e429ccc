// How long something has been behind what it follows, in seconds: positions of a log say how far, but not how long, and
// how far one step is differs between logs.

interface Sample {
  readonly target: bigint
  readonly at: number
}

/** Positions that are remembered: one a second of a follower that stands still, then the oldest and the newest. */
const MOST = 600

export class Lag {
  private readonly samples: Sample[] = []

  /** The position that is followed, as of a time in milliseconds. */
  note(target: bigint, at: number): void {
    if (this.samples.at(-1)?.target === target) return
    this.samples.push({ target, at })
    // The oldest says how long it has been; of those in between any may go.
    if (this.samples.length > MOST) this.samples.splice(1, 1)
  }

  /** Seconds since the first noted position that is not reached yet; 0 when all are. */
  seconds(reached: bigint, now: number): number {
    while (this.samples[0] && this.samples[0].target <= reached) this.samples.shift()
    const [oldest] = this.samples
    return oldest ? Math.max(0, now - oldest.at) / 1000 : 0
  }
}
