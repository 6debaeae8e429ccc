// The same requests to this service and to the in-memory server of `@langchain/langgraph-api` 1.5.1: equal answers, but for
// the differences that are listed. That server's answers are recorded in a file, so that it need not be installed to run
// this; `test/peer` has it, and with its address in LANGGRAPH_API_URL it is asked anew and recorded:
//   (cd test/peer && npm ci && node serve.mjs 18200) &
//   LANGGRAPH_API_URL=http://127.0.0.1:18200 npm run jest -- test/http/differential
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { SAME, type Same } from './same-requests.js'
import { type HttpService, startHttpService } from './service.js'

interface Answered {
  readonly status: number
  /** Undefined for an error, whose form differs: text there, JSON with a `detail` here. */
  readonly body?: unknown
}

const RECORDED = join(process.cwd(), 'test', 'http', 'langgraph-api-answers.jsonl')
const PEER = process.env.LANGGRAPH_API_URL

let http: HttpService
let peer: readonly (Answered & { readonly name: string })[]
const ours: Answered[] = []
/** What is said here of each request that is refused. */
const details: [string, unknown][] = []

beforeAll(async () => {
  if (PEER) {
    const answers: (typeof peer)[number][] = []
    for (const same of SAME) {
      const { status, body } = await ask(PEER, same)
      answers.push({ name: same.name, status, ...(body === undefined ? {} : { body }) })
    }
    writeFileSync(RECORDED, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''))
  }
  peer = readFileSync(RECORDED, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  http = await startHttpService({ LANGGRAPH_JSON: join('test', 'peer', 'langgraph.json') })
  for (const same of SAME) {
    const { error, ...answer } = await ask(http.url, same)
    ours.push(answer)
    if (error !== undefined) details.push([same.name, (JSON.parse(error) as { detail: unknown }).detail])
  }
}, 120_000)
afterAll(() => http?.stop(), 30_000)

async function ask(
  url: string,
  { method, path, body }: Same,
): Promise<Answered & { readonly error?: string }> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await fetch(url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const { status } = answer
  return status < 300 ? { status, body: shown(text) } : { status, body: undefined, error: text }
}

/** Times differ in every run, and in their form: milliseconds with `Z` there, microseconds with `+00:00` here. */
function shown(text: string): unknown {
  if (text === '') return null
  return JSON.parse(text, (key, value) => (/^(created|updated)_at$/.test(key) ? '(a time)' : value))
}

/** The differences that are the same everywhere: a broken schema is 422, and a delete has no body. */
function asHere({ status, body }: Answered, { method }: Same): Answered {
  if (status === 400) return { status: 422, body }
  return method === 'DELETE' && status === 200 ? { status: 204, body: null } : { status, body }
}

test('the recorded answers are those to these requests', () => {
  expect(peer.map(({ name }) => name)).toEqual(SAME.map(({ name }) => name))
})

test.each(SAME.map((same, index) => [same.name, same, index] as const))('%s', (_name, same, index) => {
  const there = asHere(peer[index] as Answered, same)
  const here = ours[index] as Answered
  if (!same.differs) {
    expect(here).toEqual({ status: there.status, body: there.body })
    return
  }
  const { status, body } = same.differs
  expect(here).toMatchObject(body === undefined ? { status } : { status, body })
  // One that differs no longer is not to be listed.
  expect(here).not.toEqual({ status: there.status, body: there.body })
})

test('what is refused here is refused with a sentence', () => {
  expect(details.length).toBeGreaterThan(20)
  for (const [name, detail] of details) expect([name, detail]).toEqual([name, expect.any(String)])
})
