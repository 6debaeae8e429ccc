// The way of a request of the API from its arrival to its answer: who asks, a place among those that run, the work, and
// whatever that gives or throws as one answer. It is there before the services are, which it has from `open` to `close`.
import type { OutgoingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { refuse } from '@assistant-ledger/assistant'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Authorizer, OPEN } from '../auth/authorizer.js'
import { Admission } from '../bus/admission.js'
import { BusReply, LaterReply, RefusalError } from '../bus/contract.js'
import { EndOfTurn } from '../end-of-turn.js'
import { traceId } from '../headers.js'
import { correlationOf } from '../observability/correlation.js'
import { requestAnswered } from '../observability/requests.js'
import type { Services } from '../registry.module.js'
import { within } from '../within.js'
import { answerOf, type HttpAnswer, outcomeOf, refusedWith } from './answer.js'
import { Asked } from './asked.js'
import { HTTP_LIMITS } from './limits.js'
import { taken } from './taken.js'
import { webRequest } from './web-request.js'

/** What a route does; what it throws becomes a refusal. */
export type Work = (asked: Asked) => Promise<BusReply | LaterReply>

/** What a route that streams does: the lines come as fast as they are read. */
export type Opening = (asked: Asked, signal: AbortSignal) => Promise<AsyncIterable<string>>

const OK = new BusReply(null)

const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  // A proxy that gathers before it passes on would make it late.
  'X-Accel-Buffering': 'no',
}

export class Api {
  #services: Services | undefined
  #closed = false
  readonly #turn = new EndOfTurn()
  readonly #late = new Set<Promise<unknown>>()
  /** Large answers that are on their way. */
  readonly #sending = new Set<Promise<unknown>>()
  readonly #streams = new Set<AbortController>()
  readonly #admission = new Admission<() => Promise<void>>(HTTP_LIMITS, (work) => work())

  constructor(readonly authorizer: Authorizer) {}

  get isOpen(): boolean {
    return this.#services !== undefined
  }

  open(services: Services): void {
    this.#services = services
  }

  /** Takes no new request, and waits for those that are under way, a bounded time. */
  async close(): Promise<void> {
    this.#services = undefined
    this.#closed = true
    for (const stream of this.#streams) stream.abort()
    await within(HTTP_LIMITS.drain_ms, this.#admission.idle())
    await within(HTTP_LIMITS.drain_ms, Promise.all(this.#late))
    await this.#turn.reached()
    await within(HTTP_LIMITS.taken_ms, Promise.all(this.#sending))
  }

  /** Answers a request. @param verb what it is counted as */
  async answer(verb: string, request: FastifyRequest, reply: FastifyReply, work: Work): Promise<void> {
    const receivedAt = performance.now()
    let heldAt: number | undefined
    let answer: HttpAnswer
    let outcome: unknown
    try {
      outcome = await this.#admitted(request, () => this.#done(request, work))
      if (outcome instanceof LaterReply) {
        heldAt = performance.now()
        outcome = await this.#held(outcome)
      }
      answer = answerOf(outcome as BusReply)
    } catch (error) {
      outcome = error
      answer = refusedWith(error, `${verb} over HTTP`, request.id)
    }
    await this.#turn.reached()
    if (answer.body !== undefined && answer.body.length > HTTP_LIMITS.largeAnswer) this.#sends(reply)
    // On a connection that will be cut the next request might be lost: it goes over another one, to another replica.
    if (this.#closed) reply.header('Connection', 'close')
    send(reply, answer)
    requestAnswered({
      verb,
      outcome: outcomeOf(outcome),
      ms: (heldAt ?? performance.now()) - receivedAt,
      correlationId: correlationOf(outcome) ?? traceId(request.headers.traceparent as string | undefined),
    })
  }

  /**
   * Answers a request with lines that go on, for as long as they do and somebody reads them.
   * @param open what it throws becomes a refusal; the signal ends when nobody reads any more
   */
  async stream(verb: string, request: FastifyRequest, reply: FastifyReply, open: Opening): Promise<void> {
    const receivedAt = performance.now()
    const ending = new AbortController()
    reply.raw.once('close', () => ending.abort())
    let outcome: unknown = OK
    try {
      const lines = await this.#admitted(request, async () => open(await this.#asked(request), ending.signal))
      reply
        .code(200)
        .headers(STREAM_HEADERS)
        .send(
          Readable.from(
            taken(lines, HTTP_LIMITS.stall_ms, () => reply.raw.destroy()),
            { objectMode: false },
          ),
        )
    } catch (error) {
      outcome = error
      send(reply, refusedWith(error, `${verb} over HTTP`, request.id))
    }
    requestAnswered({
      verb,
      outcome: outcomeOf(outcome),
      ms: performance.now() - receivedAt,
      correlationId: traceId(request.headers.traceparent as string | undefined),
    })
  }

  /**
   * Answers with a JSON object a line, as they come. Whoever asked ends it by going away, and so does a stop.
   * @param begin what it throws before its first line is a refusal; afterwards it is the last line, `{"error": {…}}`
   */
  async task(
    verb: string,
    request: FastifyRequest,
    reply: FastifyReply,
    begin: (asked: Asked, signal: AbortSignal) => AsyncGenerator<object>,
  ): Promise<void> {
    const gone = new AbortController()
    this.#streams.add(gone)
    reply.raw.once('close', () => gone.abort())
    try {
      const lines = begin(await this.#asked(request), gone.signal)
      const first = await lines.next()
      const sent = this.#send(verb, request, reply, first, lines)
      this.#late.add(sent)
      await sent.finally(() => this.#late.delete(sent))
    } catch (error) {
      send(reply, refusedWith(error, `${verb} over HTTP`, request.id))
    } finally {
      this.#streams.delete(gone)
    }
  }

  async #send(
    verb: string,
    { id }: FastifyRequest,
    reply: FastifyReply,
    first: IteratorResult<object>,
    lines: AsyncGenerator<object>,
  ): Promise<void> {
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'Content-Type': 'application/x-ndjson; charset=utf-8',
    })
    const write = (line: object) => raw.write(`${JSON.stringify(line)}\n`)
    try {
      if (!first.done) write(first.value)
      for await (const line of lines) write(line)
    } catch (error) {
      const { body } = refusedWith(error, `${verb} over HTTP`, id)
      write({ error: JSON.parse(body ?? 'null') })
    }
    raw.end()
  }

  async #done(request: FastifyRequest, work: Work): Promise<BusReply | LaterReply> {
    return work(await this.#asked(request))
  }

  async #asked(request: FastifyRequest): Promise<Asked> {
    const services = this.#services
    if (!services) throw this.#away()
    const { authorizer } = this
    // Where everybody may do everything nobody looks at the request, which costs more to make than a get.
    const identity = await authorizer.authenticate(
      authorizer === OPEN ? (undefined as never) : webRequest(request),
    )
    return new Asked(request, services, authorizer, identity)
  }

  #sends({ raw }: FastifyReply): void {
    // Whoever asked is gone already.
    if (raw.destroyed) return
    const sent = new Promise<void>((resolve) => raw.once('close', resolve)).finally(() =>
      this.#sending.delete(sent),
    )
    this.#sending.add(sent)
  }

  async #held({ reply }: LaterReply): Promise<BusReply> {
    this.#late.add(reply)
    try {
      return await reply
    } finally {
      this.#late.delete(reply)
    }
  }

  /** @throws RefusalError `busy` */
  #admitted<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> {
    const bytes = Buffer.isBuffer(request.body) ? request.body.length : 0
    return new Promise((resolve, reject) => {
      if (this.#admission.admit(() => work().then(resolve, reject), bytes)) return
      const { running, queued } = this.#admission
      const detail = `${running} requests are running and ${queued} waiting; try again in a moment`
      reject(new RefusalError(refuse('busy', detail)))
    })
  }

  #away(): RefusalError {
    const doing = this.#closed
      ? 'is stopping; send the request to another replica, or again'
      : 'is starting; GET /health/ready says what it waits for'
    return new RefusalError(refuse('unavailable', `The service ${doing}`))
  }
}

export function send(reply: FastifyReply, { status, headers, body }: HttpAnswer): void {
  reply.code(status).headers(headers)
  if (body === undefined) reply.send()
  else reply.type('application/json; charset=utf-8').send(body)
}
