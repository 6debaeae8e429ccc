// From a graph's code to what the service answers of it: a real runner process, a registry, and the API over HTTP.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Child, startChild, untilLine } from '../../apps/local/src/child.js'
import { type HttpService, startHttpService } from '../http/service.js'

const TIMEOUT_MS = 60_000
const STOP_MS = 2_000
const RUNNER = resolve('apps/runner/dist/main.js')

let folder: string
let http: HttpService
let langgraphJson: string
/** The id of each graph's system assistant. */
let ids: Record<string, string>
const runners: Child[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registered-'))
  langgraphJson = join(folder, 'langgraph.json')
  const graphs = {
    writer: `${resolve('graphs/writer.ts')}:graph`,
    annotated: { path: `${resolve('test/runner/graphs/annotated.ts')}:graph` },
    failing: `${resolve('test/runner/graphs/broken.ts')}:failing`,
    waiting: `${resolve('test/runner/graphs/broken.ts')}:waiting`,
  }
  await writeFile(langgraphJson, JSON.stringify({ graphs }))
  http = await startHttpService({ LANGGRAPH_JSON: langgraphJson })
  const { body } = await http.send('POST', '/assistants/search', {})
  ids = Object.fromEntries(
    body.map((one: { graph_id: string; assistant_id: string }) => [one.graph_id, one.assistant_id]),
  )
}, TIMEOUT_MS)

afterAll(async () => {
  await Promise.all(runners.map((runner) => runner.stop(STOP_MS)))
  await http?.stop()
  await rm(folder, { recursive: true, force: true })
}, TIMEOUT_MS)

interface Said {
  readonly event: string
  readonly graph?: string
  readonly state?: string
  readonly hash?: string
  readonly detail?: string
}

/** A runner of all of them, and everything that it says. */
function start(name: string): { readonly child: Child; readonly said: Said[] } {
  const { url } = http.service.nats
  const env = { NATS_URL: url, RUNNER_NAME: name, LANGGRAPH_JSON: langgraphJson, CACHE_DIR: '', GRAPHS: '' }
  const child = startChild(name, RUNNER, env)
  runners.push(child)
  const said: Said[] = []
  child.events.on('line', (line) => said.push(JSON.parse(line)))
  return { child, said }
}

const registered = ({ child, said }: ReturnType<typeof start>, graph: string): Promise<Said> => {
  const of = (one: Said) => one.event === 'descriptor' && one.graph === graph && one.state === 'registered'
  const before = said.find(of)
  return before ? Promise.resolve(before) : untilLine(child, (line) => of(JSON.parse(line))).then(JSON.parse)
}

const of = (graph: string, rest: string) => http.send('GET', `/assistants/${ids[graph]}/${rest}`)

test(
  'what nobody has reported is not there, and what a runner reports when it starts is',
  async () => {
    const none = await of('writer', 'schemas')
    expect(none.status).toBe(404)
    expect(none.body.detail).toMatch(/writer/)

    const runner = start('one')
    await registered(runner, 'annotated')
    const { body } = await of('writer', 'schemas')
    expect(body).toMatchObject({
      graph_id: 'writer',
      context_schema: { properties: { prompt: { type: 'string' }, max_words: { type: 'integer' } } },
      input_schema: { properties: { topic: { type: 'string' } } },
    })
    expect(body.config_schema).toEqual(body.context_schema)
    expect(body.unknown).toBeUndefined()
    const { body: typed } = await of('annotated', 'schemas')
    expect(typed.context_schema).toBeNull()
    expect(typed.unknown).toContain('/schemas/context_schema')
    const { body: subgraphs } = await of('annotated', 'subgraphs?recurse=true')
    expect(Object.keys(subgraphs)).toEqual(['research', 'research|search'])
    const ids = async (query: string) =>
      (await of('annotated', `graph${query}`)).body.nodes.map(({ id }: { id: string }) => id)
    expect(await ids('')).toEqual(['__start__', 'research', 'write', '__end__'])
    expect(await ids('?xray=true')).toEqual([
      '__start__',
      'research:search:ask',
      'research:search:rank',
      'write',
      '__end__',
    ])
  },
  TIMEOUT_MS,
)

test(
  'a factory that fails is reported as unknown, and one that never ends keeps the runner from nothing',
  async () => {
    const runner = start('two')
    await registered(runner, 'failing')
    const told = runner.said.filter(({ event }) => event === 'undescribed')
    expect(told.map(({ graph, detail }) => [graph, detail])).toEqual([
      ['failing', 'it cannot be described: there is no key for nobody'],
    ])
    const { status, body } = await of('failing', 'schemas')
    expect([status, body.context_schema, body.unknown.length]).toEqual([200, null, 5])
    expect((await of('failing', 'graph')).status).toBe(422)

    const input = { topic: 'tea' }
    const run = await http.service.bus.send('runs.writer', { assistant_id: ids.writer, input })
    expect(run.body).toMatchObject({ output: { text: '[sample-swift] Write a short text. → tea' } })
    // Another start of the same code is no news.
    const again = await registered(runner, 'annotated')
    expect(again.detail).toBe('known already')
    expect((await of('annotated', 'graph')).headers.get('ledger-descriptor')).toBe(again.hash)
  },
  TIMEOUT_MS,
)
