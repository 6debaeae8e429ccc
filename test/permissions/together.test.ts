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
    expect(unknown.said()).toMatch(/^registry: NATS at .* refuses the user .*NATS_USER and NATS_PASSWORD.*$/)
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
  'a runner registers its graphs under its own name and no other',
  async () => {
    const none = {
      input_schema: null,
      output_schema: null,
      state_schema: null,
      config_schema: null,
      context_schema: null,
    }
    const descriptor = { schemas: none, graph: null, xray: [], subgraphs: {}, unknown: ['/graph'] }
    const following = await followAssistants({
      servers: broker.nats.url,
      environment: 'live',
      graphs: ['writer'],
      runner: { name: 'eu' },
      nats: broker.login('eu'),
      descriptors: { writer: descriptor },
    })
    const registered = () => following.status().descriptors.map(({ state, detail }) => `${state}: ${detail}`)
    await untilEqual('its registration', DEADLINE_MS, registered, ['registered: new'])
    await following.close()
    const forged = JSON.stringify({ graph_id: 'writer', runner: 'us', descriptor })
    const reply = await runner.request(on('graphs.register'), forged, { timeout: DEADLINE_MS })
    expect(reply.json()).toMatchObject({ code: 'invalid-request', field: 'runner' })
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

test(
  'the auditor hears each runner that says it is there, and once',
  async () => {
    const heard = auditor.subscribe(on('runners.*'))
    await auditor.flush()
    const bodies = ['first', 'last']
    for (const body of bodies) runner.publish(on('runners.eu'), body)
    const said: string[] = []
    for await (const message of heard) {
      if (bodies.includes(message.string())) said.push(`${message.subject} ${message.string()}`)
      if (message.string() === 'last') break
    }
    expect(said).toEqual([`${on('runners.eu')} first`, `${on('runners.eu')} last`])
  },
  TIMEOUT_MS,
)

// JetStream answers at whatever subject a request names, with the server's rights. It must reach nobody but who asked.

/** Where an answer would do harm: without a body it is a request to delete, with one it is a key, a report, an event. */
const TARGETS = (id: string): string[] => [
  ...[STREAM, ACKS, eventStream(PROJECT)].map((stream) => `$JS.API.STREAM.DELETE.${stream}`),
  `LEDGER.API.STREAM.DELETE.${STREAM}`,
  key('_publisher'),
  key(`live.writer.${id}`),
  key(`staging.editor.${id}`),
  on(`acks.us.${id}`),
  on('runners.us'),
  on(`events.${id}`),
  on('delete'),
]

/** Every message from now on at what is nobody's to answer at. */
async function strangers(): Promise<() => Promise<string[]>> {
  const counts = async () => {
    const { streams } = await jetstreamManager(owner)
    const infos = [STREAM, ACKS, eventStream(PROJECT)].map((stream) =>
      streams.info(stream, { subjects_filter: '>' }),
    )
    return (await Promise.all(infos)).flatMap(({ config, state }) => [
      config.name,
      ...Object.entries(state.subjects ?? {}).map(([subject, count]) => `${subject} ${count}`),
    ])
  }
  const before = new Set(await counts())
  const heard: string[] = []
  owner.subscribe(on('runners.*'), { callback: (_, { subject }) => void heard.push(subject) })
  await owner.flush()
  return async () => {
    const own = (line: string) => line.includes('_watermark') || line.includes('_publisher')
    const after = (await counts()).filter((line) => !before.has(line) && !own(line))
    // The publisher writes this one whenever the log has grown: what counts is whose the last one is.
    const checkpoint = await (await jetstreamManager(owner)).direct.getMessage(STREAM, {
      last_by_subj: key('_publisher'),
    })
    const forged = typeof checkpoint?.json<{ log_id?: unknown }>().log_id === 'string' ? [] : ['_publisher']
    return [...after, ...forged, ...heard.filter((subject) => subject !== on('runners.eu'))]
  }
}

test(
  'what JetStream answers a runner goes to nobody else: no stream is deleted by it, no key or report written',
  async () => {
    const { assistant_id: id } = await created('mine')
    const others = await strangers()
    const questions = [
      `$JS.API.DIRECT.GET.${STREAM}.${key('live.writer.none')}`,
      `$JS.API.DIRECT.GET.${STREAM}.${key(`live.writer.${id}`)}`,
      `$JS.API.CONSUMER.INFO.${STREAM}.none`,
    ]
    for (const question of questions) {
      for (const reply of TARGETS(id)) runner.publish(question, '', { reply })
      await runner.request(question)
    }
    expect(await others()).toEqual([])
    await updated(id, 'changed all the same')
  },
  TIMEOUT_MS,
)

test(
  'what JetStream answers the auditor goes to nobody else, also what it has for a consumer',
  async () => {
    const { assistant_id: id } = await created('audited too')
    const stream = eventStream(PROJECT)
    const manager = await jetstreamManager(auditor)
    const filter_subject = on('events.none')
    const config = { name: 'auditor', filter_subject, inactive_threshold: 30e9, mem_storage: true }
    await manager.consumers.add(stream, config)
    const others = await strangers()
    const questions = [
      [`$JS.API.DIRECT.GET.${stream}.${filter_subject}`, ''],
      [`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq: 1 })],
      [`$JS.API.CONSUMER.MSG.NEXT.${stream}.auditor`, JSON.stringify({ no_wait: true, batch: 1 })],
    ] as const
    for (const [question, body] of questions) {
      for (const reply of TARGETS(id)) auditor.publish(question, body, { reply })
      await auditor.request(question, body)
    }
    expect(await others()).toEqual([])
    await manager.consumers.delete(stream, 'auditor')
    await updated(id, 'changed all the same')
  },
  TIMEOUT_MS,
)

test(
  'a consumer of a runner that is to deliver where something is deleted delivers nothing',
  async () => {
    await created('delivered')
    const others = await strangers()
    const beats = { count: 0 }
    runner.subscribe('_INBOX_eu.beats', { callback: () => void beats.count++ })
    const filter_subject = key('live.writer.>')
    for (const [name, deliver_subject] of [
      ['to_delete', `$JS.API.STREAM.DELETE.${eventStream(PROJECT)}`],
      ['to_delete_too', `LEDGER.API.STREAM.DELETE.${eventStream(PROJECT)}`],
      ['to_hear', '_INBOX_eu.beats'],
    ] as const) {
      const more = { headers_only: true, idle_heartbeat: 1e8, inactive_threshold: 30e9, mem_storage: true }
      const config = {
        name,
        deliver_subject,
        filter_subject,
        deliver_policy: 'all',
        ack_policy: 'none',
        ...more,
      }
      const create = `$JS.API.CONSUMER.CREATE.${STREAM}.${name}.${filter_subject}`
      const reply = await runner.request(create, JSON.stringify({ stream_name: STREAM, config }))
      expect(reply.json()).toMatchObject({ name })
    }
    const wanted = (count: number) => count > 20
    await until('beats', DEADLINE_MS, () => beats.count, wanted)
    expect(await others()).toEqual([])
  },
  TIMEOUT_MS,
)
