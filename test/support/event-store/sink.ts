// The sending side of a streaming call, as fast as its reader takes it: who ignores `ready` fills the memory.

import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js'
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Refusal } from './refusals.js'

export type ReadCall = ServerWritableStream<ReadReq, ReadResp>

export class Sink {
  /** Resolves when nothing can be sent any more, whoever ended the call. */
  readonly closed: Promise<void>
  private open = true
  private fullSince: number | undefined
  private wake: () => void = () => undefined
  private closing: () => void = () => undefined

  constructor(private readonly call: ReadCall) {
    this.closed = new Promise((resolve) => {
      this.closing = resolve
    })
    call.on('drain', () => {
      this.fullSince = undefined
      this.wake()
    })
    for (const end of ['cancelled', 'close', 'error'] as const) call.on(end, () => this.close())
  }

  get isOpen(): boolean {
    return this.open
  }

  /** For how long, in milliseconds, the reader has not taken what was sent. */
  get fullForMs(): number {
    return this.fullSince === undefined ? 0 : performance.now() - this.fullSince
  }

  send(message: ReadResp): void {
    if (this.open && !this.call.write(message)) this.fullSince ??= performance.now()
  }

  /** Resolves when more may be sent, or nothing ever. */
  async ready(): Promise<void> {
    if (!this.open || this.fullSince === undefined) return
    await new Promise<void>((resolve) => {
      this.wake = resolve
    })
  }

  /** Ends the call with OK. */
  end(): void {
    if (!this.open) return
    this.close()
    this.call.end()
  }

  refuse(refusal: Refusal): void {
    if (!this.open) return
    this.close()
    this.call.emit('error', refusal)
  }

  private close(): void {
    this.open = false
    this.wake()
    this.closing()
  }
}
