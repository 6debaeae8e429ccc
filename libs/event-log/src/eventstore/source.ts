// The near end of a read or a subscription of the client, taken item by item. The client's streams report some failures
// without ending, end without reporting others, go on after whoever reads them has broken off, and end the process
// when nobody listens to their errors: here each way of ending is seen, and letting go lets go on both sides.
import type { EventEmitter } from 'node:events'

/** What the client gives: a local stream, and a way to end the call behind it. */
export interface ClientStream {
  read(): unknown
  resume(): unknown
  cancel?(): Promise<void>
  unsubscribe?(): Promise<void>
}

export class Source<Item> {
  /** What the stream failed with; items that came before may still be there. */
  failure: Error | undefined
  /** It has ended, with nothing left to take. */
  ended = false
  private waker: (() => void) | undefined
  private readonly emitter: EventEmitter

  constructor(private readonly stream: ClientStream) {
    // Its own types know each kind of stream by other events.
    this.emitter = stream as unknown as EventEmitter
    this.emitter.on('readable', () => this.wake())
    this.emitter.on('end', () => this.end())
    this.emitter.on('close', () => this.end())
    this.emitter.on('error', (error: Error) => {
      this.failure ??= error
      this.wake()
    })
  }

  /** The next item that has come. */
  take(): Item | undefined {
    return (this.stream.read() as Item | null) ?? undefined
  }

  /** Waits for something new, of whatever kind; false when nothing came in time. */
  change(limit_ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waker = undefined
        resolve(false)
      }, limit_ms)
      this.waker = () => {
        clearTimeout(timer)
        this.waker = undefined
        resolve(true)
      }
    })
  }

  /** Whoever waits looks again. */
  wake(): void {
    this.waker?.()
  }

  /**
   * Ends the call on the server, and lets what has come from it run out: a call whose whole answer is here already is
   * past being cancelled, and would be kept, with all that nobody took, for as long as the client lives.
   */
  release(): void {
    if (this.ended) return
    this.emitter.removeAllListeners('readable')
    this.stream.resume()
    const cancelled = this.stream.unsubscribe?.() ?? this.stream.cancel?.()
    // It waits for a call that may never have been made.
    cancelled?.catch(() => undefined)
  }

  private end(): void {
    this.ended = true
    this.wake()
  }
}
