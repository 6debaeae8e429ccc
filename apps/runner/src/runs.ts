// Runs over the bus: one request is one run of one assistant. A run takes the assistant that this runner
// holds when the request arrives and keeps it to its end, whatever goes live meanwhile.
import { headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import type { LoadedGraph } from './graphs.js'

/** Runs at once in one runner; one more is refused as `busy`, so that a queue never hides. */
export const MAX_RUNS = 64

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
    const refused =
      cause instanceof RunRefused ? cause : new RunRefused('run-failed', 500, (cause as Error).message)
    reply.set('Nats-Service-Error', refused.code)
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

function request(msg: Msg): { assistant_id: string; input: unknown } {
  let body: unknown
  try {
    body = msg.json()
  } catch {
    throw new RunRefused('invalid-request', 400, 'the request is not JSON')
  }
  const { assistant_id, input } = (body ?? {}) as Record<string, unknown>
  if (typeof assistant_id !== 'string') {
    throw new RunRefused('invalid-request', 422, 'a run needs assistant_id, a text, and input')
  }
  return { assistant_id: assistant_id.toLowerCase(), input: input ?? {} }
}

/** Names in subjects: everything outside `[A-Za-z0-9_-]` as `=XX` of its UTF-8 bytes. */
function token(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
