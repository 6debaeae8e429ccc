// What the probes and the gauges look at: each part of the service is put in here when it is opened. Once a second they
// are looked at together, so that it is known how long one has been behind another.
import { type EventStoreStats, LogInDoubt, LogUnavailable } from '@assistant-ledger/event-log'
import { Lag } from './lag.js'
import { OBSERVE_LIMITS } from './limits.js'

/** Positions of the parts, and how long each has been behind what it follows. */
export interface Look {
  /** Position of the log's newest event; undefined: the log did not answer. */
  readonly head: bigint | undefined
  /** Whether the read database answers. */
  readonly modelAnswers: boolean
  readonly projectionLag_s: number | undefined
  readonly publicationLag_s: number | undefined
}

export interface LogPart {
  head(): Promise<bigint>
  /** Of an EventStoreDB. */
  stats?(): EventStoreStats
}

export interface ModelPart {
  readonly position: bigint
  readonly quarantined: readonly {
    readonly stream: string
    readonly revision: bigint
    readonly reason: string
  }[]
  readonly fleet: {
    runners(page: {
      readonly gone: boolean
      readonly limit: number
      readonly offset: number
    }): Promise<readonly unknown[]>
  }
}

export interface PublicationPart {
  readonly position: bigint
  /** Whether it publishes: it has what NATS has before it, and nothing broke it off. */
  readonly isUp: boolean
  /** Why it was broken off, or what it waits for. */
  readonly brokenBy: Error | undefined
  /** When all watermarks were last written, by `performance.now()`. */
  readonly markedAt: number | undefined
}

export interface BusPart {
  readonly isConnected: boolean
  readonly load: { readonly running: number; readonly queued: number }
}

export interface FleetPart {
  readonly present: readonly { readonly environment: string; readonly state: string }[]
  readonly receiptsWaiting: number
  /** Reports that JetStream has and the log does not have yet; undefined when JetStream does not say. */
  pendingReports(): Promise<number | undefined>
}

/** Names come from outside: what is not known is counted under one name. */
export const OTHER = 'other'

export class Observed {
  /** `serving` from the line that says that the service is ready, until it is told to stop. */
  stage: 'starting' | 'serving' | 'stopping' = 'starting'
  environments: readonly string[] = []
  log: LogPart | undefined
  model: ModelPart | undefined
  /** Of the replica that publishes; undefined where another one does, or nobody yet. */
  publication: PublicationPart | undefined
  /** Why nothing can be published yet: what JetStream answered to the look whether it is there. */
  publicationWaitsFor: string | undefined
  bus: BusPart | undefined
  fleet: FleetPart | undefined
  private readonly projecting = new Lag()
  private readonly publishing = new Lag()
  private looking: Promise<Look> | undefined
  private ticking: NodeJS.Timeout | undefined
  private appendFailedAt = Number.NEGATIVE_INFINITY

  /** The label of an environment that a runner says to be in: what is not declared gets one series together. */
  environmentLabel(environment: string): string {
    return this.environments.includes(environment) ? environment : OTHER
  }

  /** Looks at the parts again and again, until it is stopped. */
  begin(): void {
    this.ticking = setInterval(() => void this.look(), OBSERVE_LIMITS.look_ms).unref()
  }

  end(): void {
    clearInterval(this.ticking)
  }

  /** One look at a time: who asks meanwhile gets the same. Never rejects. */
  look(): Promise<Look> {
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = undefined
    })
    return this.looking
  }

  /** How an append ended; `undefined`: well. */
  appended(error: unknown): void {
    if (error === undefined) this.appendFailedAt = Number.NEGATIVE_INFINITY
    else if (error instanceof LogUnavailable || error instanceof LogInDoubt)
      this.appendFailedAt = performance.now()
  }

  /** Whether the last append, not long ago, found no log: a log may go on being read that takes nothing. */
  get appendsFail(): boolean {
    return performance.now() - this.appendFailedAt < OBSERVE_LIMITS.appendFailed_ms
  }

  /** Seconds since all watermarks were written; undefined where nothing is published. */
  get watermarkAge_s(): number | undefined {
    const at = this.publication?.markedAt
    return at === undefined ? undefined : (performance.now() - at) / 1000
  }

  private async lookOnce(): Promise<Look> {
    // The smallest question that goes to the read database itself.
    const [head, asked] = await Promise.all([
      answered(this.log?.head()),
      answered(this.model?.fleet.runners({ gone: false, limit: 1, offset: 0 })),
    ])
    const now = performance.now()
    if (head !== undefined) this.projecting.note(head, now)
    const { model, publication } = this
    // Where another replica publishes nothing is followed here, and a lead that is taken over begins anew.
    if (model && publication) this.publishing.note(model.position, now)
    return {
      head,
      modelAnswers: asked !== undefined,
      projectionLag_s: model && this.projecting.seconds(model.position, now),
      publicationLag_s: publication && this.publishing.seconds(publication.position, now),
    }
  }
}

/** The parts of this process. */
export const observed = new Observed()

/** An answer that came in time; undefined for a failure too: who asks wants to know no more. */
export async function answered<T>(asked: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, OBSERVE_LIMITS.answer_ms, undefined)
  })
  try {
    return await Promise.race([asked, late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
}
