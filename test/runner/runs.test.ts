// Runs over a real NATS and a real LangGraph graph: what a request gets, whatever is in it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { GraphNotLoaded, type LoadedGraph, loadGraphs } from '../../apps/runner/src/graphs.js'
import { MAX_RUNS, type Runnable, type RunService, serveRuns } from '../../apps/runner/src/runs.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

const ID = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c00aa'

let nats: NatsServer
let connection: NatsConnection
let writer: LoadedGraph

beforeAll(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url })
  const graphs = await loadGraphs('langgraph.json', undefined)
  writer = graphs.get('writer') as LoadedGraph
})

afterAll(async () => {
  await connection?.close()
  await nats?.stop()
})

/** A holder of one assistant, whose configuration the test swaps. */
function holding(version: number, context: Record<string, unknown>): Runnable {
  return {
    graphId: 'writer',
    ref: `${ID}@1.${version}#0123456789abcdef`,
    runOptions: (own = {}) => ({ configurable: context, context, ...own }),
  }
}

function serve(project: string, graph: LoadedGraph, held: () => Runnable | undefined) {
  const runs: string[] = []
  const service: RunService = {
    connection,
    project,
    runner: 'writer-eu',
    graphs: new Map([['writer', graph]]),
    assistant: (id) => (id === ID ? held() : undefined),
    onRun: ({ ref }) => runs.push(ref),
  }
  return { runs, stop: serveRuns(service) }
}

async function ask(project: string, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await connection.request(`assistants.v1.${project}.runs.writer`, text, { timeout: 5_000 })
  return {
    body: reply.json<Record<string, unknown>>(),
    error: reply.headers?.get('Nats-Service-Error') ?? '',
    status: reply.headers?.get('Nats-Service-Error-Code') ?? '',
    runner: reply.headers?.get('X-Runner') ?? '',
  }
}

test('runs - prompt and model of the context show in what the sample model writes', async () => {
  const { stop, runs } = serve('shows', writer, () =>
    holding(2, { prompt: 'Write a tweet.', model: 'sample-swift' }),
  )
  const { body, runner } = await ask('shows', { assistant_id: ID.toUpperCase(), input: { topic: 'tea' } })
  expect(body).toEqual({
    output: { topic: 'tea', text: '[sample-swift] Write a tweet. → tea' },
    ref: `${ID}@1.2#0123456789abcdef`,
  })
  expect(runner).toBe('writer-eu')
  expect(runs).toEqual([body.ref])
  await stop()
})

test('runs - one that has started keeps its configuration when another is swapped in', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let started = () => {}
  const running = new Promise<void>((resolve) => {
    started = resolve
  })
  const slow: LoadedGraph = {
    name: 'writer',
    async run(input, config) {
      started()
      await held
      return writer.run(input, config)
    },
  }
  let current = holding(1, { prompt: 'Old.', model: 'sample-deep' })
  const { stop } = serve('keeps', slow, () => current)
  const first = ask('keeps', { assistant_id: ID, input: { topic: 'tea' } })
  await running
  current = holding(2, { prompt: 'New.', model: 'sample-deep' })
  const second = ask('keeps', { assistant_id: ID, input: { topic: 'tea' } })
  release()
  expect((await first).body).toMatchObject({
    output: { text: '[sample-deep] Old. → tea' },
    ref: expect.stringContaining('@1.1#'),
  })
  expect((await second).body).toMatchObject({
    output: { text: '[sample-deep] New. → tea' },
    ref: expect.stringContaining('@1.2#'),
  })
  await stop()
})

test.each([
  ['', 'invalid-request', '422', 'the request is not JSON'],
  ['not json', 'invalid-request', '422', 'the request is not JSON'],
  ['null', 'invalid-request', '422', 'the request must be an object'],
  ['[]', 'invalid-request', '422', 'the request must be an object'],
  ['{}', 'invalid-request', '422', 'a run needs assistant_id, a text'],
  ['{"assistant_id":7}', 'invalid-request', '422', 'a run needs assistant_id, a text'],
  [`{"assistant_id":"${ID}","input":"tea"}`, 'invalid-request', '422', 'input must be an object'],
  [`{"assistant_id":"${ID}","input":[1]}`, 'invalid-request', '422', 'input must be an object'],
  [
    `{"assistant_id":"${ID}","in":{}}`,
    'invalid-request',
    '422',
    'a run takes assistant_id and input, not in',
  ],
  [`{"assistant_id":"unknown"}`, 'not-found', '404', 'assistant unknown is not held by this runner'],
])('runs - %j is refused as %s, in the words of the whole bus', async (body, code, status, detail) => {
  const { stop } = serve('refuses', writer, () => holding(1, {}))
  expect(await ask('refuses', body)).toEqual({
    body: { code, detail },
    error: `${code}: ${detail}`,
    status,
    runner: 'writer-eu',
  })
  await stop()
})

test.each([
  [{}, {}, 'the input of a writer needs topic, a text: it has none'],
  [{ topic: 7 }, {}, 'topic: Invalid input: expected string, received number'],
  [{ topic: '' }, {}, 'topic: Too small: expected string to have >=1 characters'],
  [{ topic: 'tea' }, { model: 7 }, 'model: Invalid input: expected string, received number'],
  [{ topic: 'tea' }, { model: null }, 'model: Invalid input: expected string, received null'],
  [
    { topic: 'tea' },
    { prompt: {}, max_words: 0 },
    'prompt: Invalid input: expected string, received object; max_words: Too small: expected number to be >=1',
  ],
])('runs - the sample graph says what is wrong with %j and %j', async (input, context, detail) => {
  const { stop } = serve('checks', writer, () => holding(1, context))
  const refused = { status: '500', body: { code: 'run-failed', detail } }
  expect(await ask('checks', { assistant_id: ID, input })).toMatchObject(refused)
  await stop()
})

test('runs - a context without model and prompt leaves them to the sample graph', async () => {
  const { stop } = serve('defaults', writer, () => holding(1, {}))
  const { body } = await ask('defaults', { assistant_id: ID, input: { topic: 'tea' } })
  expect(body.output).toMatchObject({ text: '[sample-swift] Write a short text. → tea' })
  await stop()
})

test('runs - what the sample graph may be told of the length is part of its prompt', async () => {
  const { stop } = serve('length', writer, () => holding(1, { prompt: 'Write.', max_words: 9 }))
  const { body } = await ask('length', { assistant_id: ID, input: { topic: 'tea' } })
  expect(body.output).toMatchObject({ text: '[sample-swift] Write. Use at most 9 words. → tea' })
  await stop()
})

test.each([
  [null, 'the graph threw null'],
  [undefined, 'the graph threw undefined'],
  ['a text', "the graph threw 'a text'"],
  [new Error(''), 'the graph threw Error'],
  [new Error('two\r\nlines'), 'two\r\nlines'],
  [{ issues: [null, { message: 7 }] }, 'the graph threw { issues:'],
  [{ message: 'a page', issues: [{ message: 'the whole is wrong' }] }, 'the whole is wrong'],
])('runs - a graph that throws %p fails its run and nothing else', async (thrown, detail) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', note)
  const broken: LoadedGraph = { name: 'writer', run: () => Promise.reject(thrown) }
  const { stop } = serve('throws', broken, () => holding(1, {}))
  const { body, error } = await ask('throws', { assistant_id: ID })
  expect(body).toEqual({ code: 'run-failed', detail: expect.stringContaining(detail) })
  expect(error).toMatch(/^run-failed: [^\r\n]+$/)
  await stop()
  await setImmediate()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

test('runs - a provider whose package is not installed is named in the answer', async () => {
  const { stop } = serve('provider', writer, () => holding(1, { model: 'openai:gpt-5-mini' }))
  const { error, body } = await ask('provider', { assistant_id: ID, input: { topic: 'tea' } })
  expect(error).toMatch(/^run-failed: model openai:gpt-5-mini needs /)
  expect(body.detail).toMatch(/@langchain\/openai/)
  await stop()
})

test('runs - past the limit a run is refused as busy, those under way are answered', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const slow: LoadedGraph = { name: 'writer', run: () => held.then(() => ({ text: 'done' })) }
  const { stop } = serve('limited', slow, () => holding(1, {}))
  const within = Array.from({ length: MAX_RUNS }, () => ask('limited', { assistant_id: ID }))
  expect(await ask('limited', { assistant_id: ID })).toMatchObject({
    error: `busy: this runner has ${MAX_RUNS} runs under way`,
    status: '429',
  })
  const stopped = stop()
  release()
  for (const answer of await Promise.all(within)) expect(answer.body.output).toEqual({ text: 'done' })
  await stopped
})

test('graphs - what cannot be loaded is named in one line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'graphs-'))
  const file = join(folder, 'langgraph.json')
  await expect(loadGraphs(file, undefined)).rejects.toThrow(GraphNotLoaded)
  await writeFile(file, JSON.stringify({ graphs: { writer: './missing.ts:graph' } }))
  await expect(loadGraphs(file, ['reader'])).rejects.toThrow(/graph reader is not in .*; it has writer/)
  await expect(loadGraphs(file, undefined)).rejects.toThrow(
    /graph writer \(\.\/missing\.ts:graph\) does not load/,
  )
  await rm(folder, { recursive: true })
})
