// The near side of the schema thread: one question at a time, each with its time. A thread that does not answer in time,
// or dies, is ended and the next one started; what it was asked about is left alone for a while.
import { Worker } from 'node:worker_threads'
import { type JsonObject, refuse } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'
import { VALIDATION_LIMITS } from './limits.js'

/** What Ajv says of one fault in a value. */
export interface SchemaError {
  readonly keyword: string
  /** JSON pointer from the value on. */
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message?: string
}

export type Verdict =
  /** No errors: the value fits. */
  | { readonly type: 'checked'; readonly errors: readonly SchemaError[]; readonly count: number }
  /** The schema says nothing that can be checked. */
  | { readonly type: 'unknown' }
  /** The value could not be checked in time. */
  | { readonly type: 'unfinished' }

/** What the thread is asked: to compile a schema, or to check a value against one that it has. */
export interface Question {
  readonly call: number
  readonly id: string
  readonly schema?: JsonObject
  readonly value?: JsonObject
}

/** What it answers. */
export type Answer =
  | { readonly type: 'not-compiled' }
  | { readonly type: 'compiled' }
  | { readonly type: 'faulty'; readonly why: string }
  | Extract<Verdict, { type: 'checked' }>

/** The schemas of which it is known that asking is of no use, each until when. */
interface Known {
  readonly verdict: 'unknown' | 'unfinished'
  readonly until: number
}

/** How long the thread may take, and how long what took longer is left alone. */
type Times = Readonly<Record<'compile_ms' | 'check_ms' | 'rest_ms', number>>

export class SchemaChecker {
  private worker: Worker | undefined
  private started: Promise<boolean> = Promise.resolve(false)
  private last: Promise<unknown> = Promise.resolve()
  private waiting = 0
  private calls = 0
  private closed = false
  private asked: { readonly call: number; resolve(answer: Answer | undefined): void } | undefined
  private readonly known = new Map<string, Known>()

  /** @param warn told of schemas that cannot be used */
  constructor(
    private readonly warn: (line: string) => void,
    private readonly limits: Times = VALIDATION_LIMITS,
  ) {}

  /**
   * Checks a value against a schema.
   * @param id names this schema and no other one, also in lines for operators
   * @throws RefusalError `busy`
   */
  check(id: string, schema: JsonObject, value: JsonObject): Promise<Verdict> {
    if (this.waiting >= VALIDATION_LIMITS.waiting)
      throw new RefusalError(refuse('busy', `${this.waiting} contents wait to be checked already; try again`))
    this.waiting += 1
    const verdict = this.last
      .then(() => this.verdictOn(id, schema, value))
      .finally(() => {
        this.waiting -= 1
      })
    this.last = verdict.catch(() => undefined)
    return verdict
  }

  async close(): Promise<void> {
    this.closed = true
    await this.worker?.terminate()
    await this.last
  }

  private async verdictOn(id: string, schema: JsonObject, value: JsonObject): Promise<Verdict> {
    const known = this.known.get(id)
    if (known && performance.now() < known.until) return { type: known.verdict }
    let answer = await this.ask({ id, value }, this.limits.check_ms)
    if (answer?.type === 'not-compiled') {
      if (!(await this.compile(id, schema))) return { type: 'unknown' }
      answer = await this.ask({ id, value }, this.limits.check_ms)
    }
    if (answer?.type === 'checked') return answer
    if (answer?.type === 'faulty') return this.remember(id, 'unknown', answer.why)
    return this.remember(
      id,
      'unfinished',
      `a value took longer than ${this.limits.check_ms} ms, or too much memory`,
      this.limits.rest_ms,
    )
  }

  private async compile(id: string, schema: JsonObject): Promise<boolean> {
    const bytes = Buffer.byteLength(JSON.stringify(schema), 'utf8')
    if (bytes > VALIDATION_LIMITS.schemaBytes) {
      this.remember(
        id,
        'unknown',
        `it has ${bytes} bytes, and ${VALIDATION_LIMITS.schemaBytes} at most are compiled`,
      )
      return false
    }
    const answer = await this.ask({ id, schema }, this.limits.compile_ms)
    if (answer?.type === 'compiled') return true
    if (answer?.type === 'faulty') this.remember(id, 'unknown', answer.why)
    else
      this.remember(
        id,
        'unknown',
        `it took longer than ${this.limits.compile_ms} ms, or too much memory`,
        this.limits.rest_ms,
      )
    return false
  }

  private remember(
    id: string,
    verdict: Known['verdict'],
    why: string,
    for_ms = Number.POSITIVE_INFINITY,
  ): Verdict {
    this.known.delete(id)
    this.known.set(id, { verdict, until: performance.now() + for_ms })
    const [oldest] = this.known.keys()
    if (this.known.size > VALIDATION_LIMITS.remembered) this.known.delete(oldest as string)
    if (!this.closed)
      this.warn(`nothing is checked against the ${id}: ${why}`.slice(0, VALIDATION_LIMITS.message))
    return { type: verdict }
  }

  /** The thread's answer; undefined when it has ended, by itself or because its time was over. */
  private async ask(question: Omit<Question, 'call'>, within_ms: number): Promise<Answer | undefined> {
    if (this.closed) return undefined
    const call = ++this.calls
    this.worker ??= this.start()
    const { worker } = this
    // A start takes its own time, which is no fault of what is asked.
    if (!(await this.started)) {
      await this.end(worker)
      if (this.closed) return undefined
      throw new RefusalError(refuse('busy', 'The check of contents does not start; try again'))
    }
    let late: NodeJS.Timeout | undefined
    const answer = await new Promise<Answer | undefined>((resolve) => {
      this.asked = { call, resolve }
      late = setTimeout(() => resolve(undefined), within_ms)
      worker.postMessage({ ...question, call })
    })
    clearTimeout(late)
    this.asked = undefined
    if (!answer) await this.end(worker)
    return answer
  }

  private async end(worker: Worker): Promise<void> {
    if (worker === this.worker) this.worker = undefined
    await worker.terminate()
  }

  private start(): Worker {
    const { schemas, errors, heapMb, stackMb } = VALIDATION_LIMITS
    const worker = new Worker(new URL('./schema-thread.mjs', import.meta.url), {
      workerData: { schemas, errors },
      resourceLimits: { maxOldGenerationSizeMb: heapMb, stackSizeMb: stackMb },
    })
    this.started = new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), VALIDATION_LIMITS.start_ms)
      worker.on(
        'message',
        ({ call, ...answer }: (Answer | { type: 'ready' }) & { readonly call: number }) => {
          if (answer.type === 'ready') {
            clearTimeout(late)
            resolve(true)
          } else if (call === this.asked?.call) this.asked.resolve(answer)
        },
      )
      // Always there: an error that nobody listens to would end the process. Whatever it is, the thread is over.
      for (const end of ['error', 'exit'])
        worker.on(end, () => {
          clearTimeout(late)
          resolve(false)
          this.over(worker)
        })
    })
    worker.unref()
    return worker
  }

  private over(worker: Worker): void {
    if (worker !== this.worker) return
    this.worker = undefined
    this.asked?.resolve(undefined)
  }
}
