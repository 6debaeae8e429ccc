// One trace from a command to the runner that activates it, as a collector gets it from both processes.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { startChild, untilLine } from '../../apps/local/src/child.js'
import { beginDay, type Day } from '../faults/day.js'
import { readBucket, readFeed } from '../faults/records.js'
import { until } from '../faults/until.js'
import { type BusClient, busClient } from '../support/bus.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { type Collector, type Span, startCollector } from './collector.js'

jest.setTimeout(120_000)

const DEADLINE_MS = 30_000
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SENDER = '00f067aa0ba902b7'

let day: Day
let collector: Collector
let bus: BusClient
let exported: Record<string, string>

beforeEach(async () => {
  collector = await startCollector()
  day = await beginDay({ registry: false })
  day.defer(() => collector.close())
  exported = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' }
  await day.startRegistry(exported)
  bus = busClient(day.connection)
})
afterEach(() => day.end())

/** Starts the reference runner and waits until it is live. */
async function startRunner(env: Record<string, string> = {}) {
  const child = startChild('runner', 'apps/runner/dist/main.js', {
    ...exported,
    NATS_URL: day.nats.url,
    RUNNER_NAME: 'eu',
    GRAPHS: 'writer',
    ...env,
  })
  day.defer(() => child.stop(5_000))
  await untilLine(child, (line) => line.includes('"event":"live"'))
  return child
}

async function traceWith(name: string, accept: (span: Span) => boolean = () => true) {
  const found = () => collector.spans.filter(({ traceId }) => traceId === TRACE)
  const { answer } = await until(name, DEADLINE_MS, found, (spans) =>
    spans.some((span) => span.name === name && accept(span)),
  )
  return answer
}

const one = (spans: readonly Span[], name: string): Span => {
  const found = spans.filter((span) => span.name === name)
  expect(found.map((span) => span.name)).toEqual([name])
  return found[0] as Span
}

test('a command, its append, projection and publication, and the activation on a runner, are one trace', async () => {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  await startRunner()
  await bus.ask('update', { assistant_id, name: 'two' }, { traceparent: `00-${TRACE}-${SENDER}-01` })
  await traceWith('activate')
  const spans = await traceWith('command update')

  const command = one(spans, 'command update')
  expect(command).toMatchObject({ parentSpanId: SENDER, service: 'assistant-ledger-registry' })
  expect(command.attributes).toMatchObject({ 'ledger.assistant_id': assistant_id, 'ledger.verb': 'update' })
  const decided = one(spans, 'decide and append')
  expect(decided.parentSpanId).toBe(command.spanId)
  for (const name of ['append', 'project', 'publish'])
    expect(one(spans, name).parentSpanId).toBe(decided.spanId)
  expect(one(spans, 'wait for the read model').parentSpanId).toBe(command.spanId)
  expect(one(spans, 'activate')).toMatchObject({
    parentSpanId: one(spans, 'publish').spanId,
    service: 'assistant-ledger-runner',
    attributes: { 'ledger.assistant_id': assistant_id, 'ledger.environment': 'live' },
  })
})

test('a rejection says in the trace why', async () => {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer', context: { model: 'sample-swift' } })
  await startRunner({ ALLOWED_MODELS: 'sample-swift' })
  const context = { model: 'sample-frontier' }
  await bus.ask('update', { assistant_id, context }, { traceparent: `00-${TRACE}-${SENDER}-01` })
  const spans = await traceWith('activate')
  expect(one(spans, 'activate').attributes['ledger.rejected']).toMatch(/sample-frontier/)
})

test('a runner that was cut off joins the trace when it has caught up', async () => {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: day.nats.port })
  day.defer(() => proxy.close())
  await startRunner({ NATS_URL: proxy.url })
  proxy.cut()
  await bus.ask('update', { assistant_id, name: 'two' }, { traceparent: `00-${TRACE}-${SENDER}-01` })
  await traceWith('publish')
  proxy.heal()
  const spans = await traceWith('activate')
  expect(one(spans, 'activate').parentSpanId).toBe(one(spans, 'publish').spanId)
})

test('a command without a trace begins one, whose id its events have', async () => {
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  const { answer } = await until(
    'the command',
    DEADLINE_MS,
    () => collector.spans.filter(({ attributes }) => attributes['ledger.assistant_id'] === assistant_id),
    (spans) => spans.some(({ name }) => name === 'command create'),
  )
  const { traceId } = one(answer, 'command create')
  const event = () =>
    readFeed(day.connection).then((feed) => feed.find(({ subject }) => subject.endsWith(assistant_id)))
  const published = await until('the event', DEADLINE_MS, event, (found) => found !== undefined)
  expect(published.answer?.headers).toMatchObject({ 'ce-correlationid': [traceId] })
})

test('a command whose trace is not sampled sends no span, and a runner that starts later none of old commands', async () => {
  await bus.ask('create', { graph_id: 'writer' }, { traceparent: `00-${TRACE}-${SENDER}-00` })
  const sampled = 'a3ce929d0e0e47364bf92f3577b34da6'
  const { assistant_id } = await bus.ask(
    'create',
    { graph_id: 'writer' },
    { traceparent: `00-${sampled}-${SENDER}-01` },
  )
  await until(
    'both keys',
    DEADLINE_MS,
    () => readBucket(day.connection),
    ({ size }) => size >= 2,
  )
  const runner = await startRunner()
  // Ended, it has sent all that it had.
  await runner.stop(10_000)
  await day.registry.stop()
  expect(collector.spans.filter(({ traceId }) => traceId === TRACE)).toEqual([])
  const names = collector.spans.filter(({ traceId }) => traceId === sampled).map(({ name }) => name)
  expect(names).toContain('publish')
  expect(names).not.toContain('activate')
  expect(runner.said()).toContain(assistant_id)
})
