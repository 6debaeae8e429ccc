// Runs over the bus: one request is one run of one assistant. A run takes the assistant that this runner
// holds when the request arrives and keeps it to its end, whatever goes live meanwhile.
import { inspect } from 'node:util'
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { LoadedGraph } from './graphs.js'

/** Runs at once in one runner; one more is refused as `busy`, so that a queue never hides. */
export const MAX_RUNS = 64
/** Characters of the sentence in the header `Nats-Service-Error`; the body has it whole. */
export const ERROR_HEADER_LENGTH = 256

/** What a run needs of an assistant: the client's `Followed`, and a test's own. */
export interface Runnable {
  readonly graphId: string
  readonly ref: string
  runOptions(own?: Record<string, unknown>): Record<string, unknown>
}

export interface RunService {
  readonly connection: NatsConnection
  readonly project: string
  readonly runner: string
  readonly graphs: ReadonlyMap<string, LoadedGraph>
  /** The assistant as this runner holds it now. */
  assistant(id: string): Runnable | undefined
  onRun(run: { assistantId: string; ref: string; ms: number }): void
}

class RunRefused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/**
 * Takes runs on `assistants.v1.<project>.runs.<graph>`, sharing them with the other runners of that graph.
 * Every request gets one reply: `{output, ref}`, or `{code, detail}` with the bus's error headers.
 * @returns a function that stops taking runs and resolves when those under way are answered
 */
export function serveRuns(service: RunService): () => Promise<void> {
  const underWay = new Set<Promise<void>>()
  const subscriptions: Subscription[] = []
  for (const graph of service.graphs.values()) {
    const subject = `assistants.v1.${service.project}.runs.${token(graph.name)}`
    const subscription = service.connection.subscribe(subject, {
      queue: 'runners',
      callback: (error, msg) => {
        if (error) return
        const run = answer(service, graph, msg, underWay.size >= MAX_RUNS)
        underWay.add(run)
        run.finally(() => underWay.delete(run))
      },
    })
    subscriptions.push(subscription)
  }
  return async () => {
    await Promise.allSettled(subscriptions.map((subscription) => subscription.drain()))
    await Promise.allSettled(underWay)
  }
}

async function answer(service: RunService, graph: LoadedGraph, msg: Msg, busy: boolean): Promise<void> {
  const reply = headers()
  reply.set('X-Runner', service.runner)
  try {
    if (busy) throw new RunRefused('busy', 429, `this runner has ${MAX_RUNS} runs under way`)
    const body = JSON.stringify(await run(service, graph, msg))
    msg.respond(body, { headers: reply })
  } catch (cause) {
    const refused = cause instanceof RunRefused ? cause : new RunRefused('run-failed', 500, reasonOf(cause))
    reply.set('Nats-Service-Error', oneLine(`${refused.code}: ${refused.message}`))
    reply.set('Nats-Service-Error-Code', String(refused.status))
    respondRefusal(msg, JSON.stringify({ code: refused.code, detail: refused.message }), reply)
  }
}

/** The connection may be gone by then: the requester's timeout is all that is left to tell it. */
function respondRefusal(msg: Msg, body: string, reply: ReturnType<typeof headers>): void {
  try {
    msg.respond(body, { headers: reply })
  } catch {
    return
  }
}

async function run(service: RunService, graph: LoadedGraph, msg: Msg) {
  const { assistant_id: id, input } = request(msg)
  const assistant = service.assistant(id)
  if (assistant === undefined) {
    throw new RunRefused('not-found', 404, `assistant ${id} is not held by this runner`)
  }
  if (assistant.graphId !== graph.name) {
    throw new RunRefused('not-found', 404, `assistant ${id} configures the graph ${assistant.graphId}`)
  }
  const began = performance.now()
  const output = await graph.run(input, assistant.runOptions())
  service.onRun({ assistantId: id, ref: assistant.ref, ms: performance.now() - began })
  return { output, ref: assistant.ref }
}

/** As on the whole bus: a field that is null counts as absent, an unknown one is refused. */
function request(msg: Msg): { assistant_id: string; input: object } {
  let body: unknown
  try {
    body = msg.json()
  } catch {
    throw invalid('the request is not JSON')
  }
  if (!isObject(body)) throw invalid('the request must be an object')
  const { assistant_id, input, ...unknown } = body as Record<string, unknown>
  const [field] = Object.keys(unknown)
  if (field !== undefined) throw invalid(`a run takes assistant_id and input, not ${field}`)
  if (typeof assistant_id !== 'string') throw invalid('a run needs assistant_id, a text')
  if (!isObject(input ?? {})) throw invalid('input must be an object')
  return { assistant_id: assistant_id.toLowerCase(), input: input ?? {} }
}

const invalid = (detail: string) => new RunRefused('invalid-request', 422, detail)

function isObject(value: unknown): boolean {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** A graph may throw anything, null too. What a schema refuses is said field by field: its message is a page of JSON. */
function reasonOf(thrown: unknown): string {
  const { message, issues } = (thrown ?? {}) as { message?: unknown; issues?: unknown }
  const refused = Array.isArray(issues) ? issues.flatMap(issueOf) : []
  if (refused.length > 0) return refused.join('; ')
  return typeof message === 'string' && message !== '' ? message : `the graph threw ${inspect(thrown)}`
}

function issueOf(issue: { path?: unknown; message?: unknown } | null): string[] {
  const path = Array.isArray(issue?.path) ? issue.path.map(String).join('.') : ''
  return typeof issue?.message === 'string' ? [path === '' ? issue.message : `${path}: ${issue.message}`] : []
}

/** What a graph says may have any characters, and a header has one line only. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a header
  return text.slice(0, ERROR_HEADER_LENGTH).replaceAll(/[\u0000-\u001f\u007f]+/g, ' ')
}

/** Names in subjects: everything outside `[A-Za-z0-9_-]` as `=XX` of its UTF-8 bytes. */
function token(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
