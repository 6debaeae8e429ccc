// A registry process, a follower, a worker that takes runs, a commander and an auditor, each as its own user: what a
// role may do is enough for its work, and what it may ask of JetStream makes nothing of anybody else's.
import { ackStream, eventStream } from '@assistant-ledger/change-feed'
import { type Assistants, followAssistants } from '@assistant-ledger/client'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { serveRuns } from '../../apps/runner/src/runs.js'
import { until, untilEqual } from '../faults/until.js'
import { type Assistant, type BusClient, busClient } from '../support/bus.js'
import { launchRegistry, type RegistryProcess, startRegistry } from '../support/registry.js'
import {
  type Broker,
  ensureReports,
  key,
  on,
  PROJECT,
  refusedOf,
  STREAM,
  startBroker,
} from './broker.support.js'

const TIMEOUT_MS = 20_000
const DEADLINE_MS = 10_000
const ACKS = ackStream(PROJECT)

let broker: Broker
let registry: RegistryProcess
/** The registry's user: what only it may look at. */
let owner: NatsConnection
let runner: NatsConnection
let commander: NatsConnection
let auditor: NatsConnection
let bus: BusClient
let assistants: Assistants

beforeAll(async () => {
  broker = await startBroker()
  const { port } = broker.nats
  registry = await startRegistry({ natsUrl: `nats://registry:p-registry@127.0.0.1:${port}` })
  owner = await broker.as('registry')
  await ensureReports(owner)
  commander = await broker.as('commander')
  runner = await broker.as('eu')
  auditor = await broker.as('auditor')
  bus = busClient(commander)
  assistants = await followAssistants({
    servers: broker.nats.url,
    environment: 'live',
    graphs: ['writer'],
    runner: { name: 'eu' },
    nats: broker.login('eu'),
  })
}, TIMEOUT_MS)

afterAll(async () => {
  await assistants?.close()
  await registry?.stop()
  await broker?.stop()
}, TIMEOUT_MS)

/** An assistant that the follower holds at its first version. */
async function created(prompt: string): Promise<Assistant> {
  const assistant = await bus.ask('create', { graph_id: 'writer', context: { prompt } })
  await held(assistant.assistant_id, prompt)
  return assistant
}

async function updated(id: string, prompt: string): Promise<void> {
  await bus.ask('update', { assistant_id: id, context: { prompt } })
  await held(id, prompt)
}

const held = (id: string, prompt: string) =>
  untilEqual('the runner to hold it', DEADLINE_MS, () => assistants.find(id)?.context.prompt, prompt)

const messagesIn = async (stream: string): Promise<number> =>
  (await (await jetstreamManager(owner)).streams.info(stream)).state.messages

test(
  'a change of the commander reaches the runner, which still finds what a reference names',
  async () => {
    const { assistant_id } = await created('one')
    const { ref } = assistants.get(assistant_id)
    const reloads: string[] = []
    assistants.on('reload', ({ id }) => reloads.push(id))
    await updated(assistant_id, 'two')
    expect(reloads).toEqual([assistant_id])
    expect((await assistants.pinned(ref)).context).toEqual({ prompt: 'one' })
  },
  TIMEOUT_MS,
)

test('the password that the registry was given in its address is nowhere in what it says', () => {
  expect(registry.said()).toContain(`NATS nats://127.0.0.1:${broker.nats.port},`)
  expect(registry.said()).not.toContain('p-registry')
})

test(
  'a registry that the broker does not know ends with one line, without its password',
  async () => {
    const { NATS_USER } = broker.env('registry')
    const env = { NATS_USER, NATS_PASSWORD: 'p-another' }
    const unknown = await launchRegistry({ natsUrl: broker.nats.url, env })
    expect(await unknown.exited()).toBe(1)
    expect(unknown.said()).toMatch(/^registry: .*Authorization Violation.*$/)
    expect(unknown.said()).not.toContain('p-another')
    await unknown.stop()
  },
  TIMEOUT_MS,
)

test(
  'a run is answered to its commander, and not to a subject that only the runner may write',
  async () => {
    const { assistant_id } = await created('run')
    const graph = { name: 'writer', run: async () => ({ text: 'done' }) }
    const stop = serveRuns({
      connection: runner,
      project: PROJECT,
      runner: 'eu',
      graphs: new Map([['writer', graph]]),
      assistant: (id) => assistants.find(id),
      onRun: () => undefined,
    })
    await runner.flush()
    const reply = await commander.request(on('runs.writer'), JSON.stringify({ assistant_id }))
    expect(reply.json()).toMatchObject({ output: { text: 'done' } })
    // The runner is answering when the second run has been answered: they come in order.
    const elsewhere = key(`live.writer.${assistant_id}`)
    const refused = await refusedOf(runner, async () => {
      commander.publish(on('runs.writer'), JSON.stringify({ assistant_id }), { reply: elsewhere })
      await commander.request(on('runs.writer'), JSON.stringify({ assistant_id }))
    })
    expect(refused).toEqual([`publish ${elsewhere}`])
    await stop()
  },
  TIMEOUT_MS,
)

test(
  'a runner reports under its own name and no other',
  async () => {
    const { assistant_id: id } = await created('report')
    const before = await messagesIn(ACKS)
    const { stream } = await jetstream(runner).publish(on(`acks.eu.${id}`), '{"runner":"eu"}')
    expect(stream).toBe(ACKS)
    await expect(jetstream(runner).publish(on(`acks.us.${id}`), '{"runner":"us"}')).rejects.toThrow(
      'Permissions Violation',
    )
    expect(await messagesIn(ACKS)).toBe(before + 1)
  },
  TIMEOUT_MS,
)

test(
  'a filter that says another environment than its subject is refused',
  async () => {
    const subject = `$JS.API.CONSUMER.CREATE.${STREAM}.mine.${key('live.writer.>')}`
    const config = {
      name: 'mine',
      filter_subject: key('staging.writer.>'),
      deliver_subject: '_INBOX_eu.mine',
    }
    const reply = await runner.request(subject, JSON.stringify({ stream_name: STREAM, config }))
    expect(reply.json()).toMatchObject({ error: { err_code: 10131 } })
  },
  TIMEOUT_MS,
)

test(
  'the auditor reads every event and every report, by a consumer of its own name',
  async () => {
    const { assistant_id: id } = await created('audited')
    await jetstream(runner).publish(on(`acks.eu.${id}`), '{"runner":"eu"}')
    const manager = await jetstreamManager(auditor)
    for (const stream of [eventStream(PROJECT), ACKS, STREAM]) {
      await manager.consumers.add(stream, { name: 'auditor', inactive_threshold: 30e9, mem_storage: true })
      const consumer = await jetstream(auditor).consumers.get(stream, 'auditor')
      const batch = await consumer.fetch({ max_messages: 1_000, expires: 1_000 })
      const ids: string[] = []
      for await (const { subject, info } of batch) {
        ids.push(subject.slice(subject.lastIndexOf('.') + 1))
        if (info.pending === 0) break
      }
      expect(ids).toContain(id)
      await manager.consumers.delete(stream, 'auditor')
    }
    expect(await busClient(auditor).ask('get', { assistant_id: id })).toMatchObject({ assistant_id: id })
  },
  TIMEOUT_MS,
)

// JetStream answers at whatever subject a request names. The broker lets that pass: those who get it have to tell.

test(
  'what a stream holds is no command, wherever JetStream was told to answer',
  async () => {
    const { assistant_id } = await created('kept')
    const { seq } = await jetstream(runner).publish(on('acks.eu.forged'), JSON.stringify({ assistant_id }))
    const get = `$JS.API.DIRECT.GET.${ACKS}`
    auditor.publish(get, JSON.stringify({ seq }), { reply: on('delete') })
    // The stream answers in order, and so does the registry for one assistant: a deletion would come before the update.
    const answer = await auditor.request(get, JSON.stringify({ seq }))
    expect(answer.json()).toEqual({ assistant_id })
    await updated(assistant_id, 'still there')
  },
  TIMEOUT_MS,
)

/** Lets JetStream answer a question of the runner's at a key, and resolves when the answer is written there. */
async function answeredAt(name: string): Promise<void> {
  const before = await lastIn(name)
  runner.publish(`$JS.API.CONSUMER.INFO.${STREAM}.none`, '', { reply: key(name) })
  await until(
    'the answer to be written',
    DEADLINE_MS,
    () => lastIn(name),
    (last) => last > before,
  )
}

const lastIn = async (name: string): Promise<number> => {
  const { streams } = await jetstreamManager(owner)
  return (await streams.getMessage(STREAM, { last_by_subj: key(name) }))?.seq ?? 0
}

test(
  'what JetStream was told to write over the publish checkpoint stops no publication',
  async () => {
    const { assistant_id: id } = await created('published')
    await answeredAt('_publisher')
    await updated(id, 'published all the same')
  },
  TIMEOUT_MS,
)

test(
  'what JetStream was told to write over a configuration is nobody’s, and replaced by the next',
  async () => {
    const { assistant_id: id } = await created('mine')
    const prompts: unknown[] = []
    assistants.on('reload', (event) => event.id === id && prompts.push(event.assistant.context.prompt))
    await answeredAt(`live.writer.${id}`)
    expect(assistants.get(id).context).toEqual({ prompt: 'mine' })
    await updated(id, 'changed all the same')
    expect(prompts).toEqual(['changed all the same'])
  },
  TIMEOUT_MS,
)
