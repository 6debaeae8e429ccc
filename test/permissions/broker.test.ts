// Role by role: what the broker lets through and what it refuses, each subject tried on a real nats-server. What a
// role may is tried to its effect in `together.test.ts`.
import { ackStream, ensureAssets, eventStream } from '@assistant-ledger/change-feed'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, errors, type NatsConnection } from '@nats-io/transport-node'
import {
  type Broker,
  ID,
  key,
  makeAssets,
  on,
  PROJECT,
  refusedPublishes,
  refusedSubscriptions,
  STREAM,
  startBroker,
  type User,
} from './broker.support.js'

const ACKS = ackStream(PROJECT)
const EVENTS = eventStream(PROJECT)
const COMMANDS = ['create', 'update', 'promote', 'rollback', 'delete'].map(on)
const QUERIES = [
  'get',
  'search',
  'count',
  'versions',
  'version',
  'history',
  'diff',
  'blame',
  'impact',
  'fleet',
].map(on)

const API = '$JS.API'
const KEY = key(`live.writer.${ID}`)
/** Every value a key, a stream or a consumer can be changed or taken by. */
const CHANGES = [
  KEY,
  key('_publisher'),
  on(`events.${ID}`),
  ...[STREAM, ACKS, EVENTS].flatMap((stream) => [
    `${API}.STREAM.CREATE.${stream}`,
    `${API}.STREAM.UPDATE.${stream}`,
    `${API}.STREAM.DELETE.${stream}`,
    `${API}.STREAM.PURGE.${stream}`,
    `${API}.STREAM.MSG.DELETE.${stream}`,
    `${API}.STREAM.SNAPSHOT.${stream}`,
    `${API}.STREAM.RESTORE.${stream}`,
    `${API}.CONSUMER.DURABLE.CREATE.${stream}.other`,
    `${API}.CONSUMER.LIST.${stream}`,
    `${API}.CONSUMER.NAMES.${stream}`,
  ]),
  `${API}.STREAM.CREATE.ANY`,
  `${API}.STREAM.LIST`,
  `${API}.STREAM.NAMES`,
  `${API}.ACCOUNT.PURGE.LEDGER`,
  `${API}.SERVER.REMOVE`,
  '$SYS.REQ.SERVER.PING',
]
/** What would let a user hear what is meant for others. */
const EARS = [
  '>',
  '_INBOX.>',
  '_INBOX_registry.>',
  '_INBOX_commander.>',
  '_INBOX_us.>',
  'assistants.>',
  on('>'),
  on('acks.>'),
  on('runs.editor runners'),
  '$KV.>',
  KEY,
  '$JS.>',
  `${API}.>`,
  '$SYS.>',
]
/** What would let a user take the service's requests. */
const SERVICE = [
  on('*'),
  `${on('*')} assistants`,
  on('update'),
  `${on('get')} assistants`,
  `${on('graphs.register')} assistants`,
  on('graphs.register.*'),
]

let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
  await makeAssets(await broker.as('registry'))
})
afterAll(() => broker.stop())

test('nobody in particular, and nobody with another password, is let in', async () => {
  const servers = broker.nats.url
  for (const login of [{}, { user: 'eu' }, { user: 'eu', pass: 'p-us' }, { user: 'nobody', pass: 'p-eu' }])
    await expect(connect({ servers, reconnect: false, ...login })).rejects.toThrow(errors.AuthorizationError)
})

interface Case {
  readonly user: User
  readonly mayPublish: readonly string[]
  readonly mayNotPublish: readonly string[]
  readonly maySubscribe: readonly string[]
  readonly mayNotSubscribe: readonly string[]
}

const others = (user: string) => ['eu', 'us'].filter((name) => name !== user)

const CASES: readonly Case[] = [
  {
    user: 'eu',
    mayPublish: [
      on('acks.eu.none'),
      on('runners.eu'),
      on('version'),
      on('graphs.register'),
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('live.writer.>')}`,
      `${API}.CONSUMER.INFO.${STREAM}.mine`,
      `${API}.CONSUMER.DELETE.${STREAM}.mine`,
      `${API}.DIRECT.GET.${STREAM}.${key('live.writer._watermark')}`,
      `$JS.FC.${STREAM}.mine.1`,
      '_INBOX_commander.answer',
    ],
    mayNotPublish: [
      ...CHANGES,
      ...COMMANDS,
      ...QUERIES.filter((query) => query !== on('version')),
      on('runs.writer'),
      ...others('eu').flatMap((name) => [
        on(`acks.${name}.${ID}`),
        on(`runners.${name}`),
        on(`graphs.register.${name}`),
      ]),
      on('graphs.any'),
      on('acks.eu'),
      on(`acks.eu.${ID}.more`),
      on('control.eu'),
      on('control.us'),
      on(`fleet.${ID}`),
      '_INBOX_registry.answer',
      '_INBOX_us.answer',
      '_INBOX_auditor.answer',
      `${API}.INFO`,
      `${API}.STREAM.INFO.${STREAM}`,
      `${API}.STREAM.MSG.GET.${STREAM}`,
      `${API}.DIRECT.GET.${STREAM}`,
      `${API}.DIRECT.GET.${STREAM}.${key('_publisher')}`,
      `${API}.DIRECT.GET.${STREAM}.${key(`staging.writer.${ID}`)}`,
      `${API}.DIRECT.GET.${STREAM}.${key(`live.editor.${ID}`)}`,
      `${API}.CONSUMER.CREATE.${STREAM}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('>')}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('live.>')}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('*.writer.>')}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('staging.writer.>')}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('live.editor.>')}`,
      `${API}.CONSUMER.CREATE.${ACKS}.mine.${on('acks.>')}`,
      `${API}.CONSUMER.INFO.${ACKS}.any`,
      `${API}.CONSUMER.DELETE.${ACKS}.any`,
      `${API}.CONSUMER.DELETE.${EVENTS}.any`,
      `${API}.CONSUMER.MSG.NEXT.${STREAM}.any`,
      `$JS.FC.${ACKS}.any.1`,
    ],
    maySubscribe: ['_INBOX_eu.mine', on('control.eu'), `${on('runs.writer')} runners`],
    mayNotSubscribe: [
      ...EARS,
      ...SERVICE,
      on('control.us'),
      on('control.*'),
      on('runners.*'),
      on('runners.us'),
      on(`events.${ID}`),
      on('fleet.*'),
      on('runs.writer'),
      `${on('runs.writer')} others`,
    ],
  },
  {
    user: 'us',
    mayPublish: [on('acks.us.none'), on('runners.us'), on('version'), on('graphs.register')],
    // It takes no runs: it has nobody to answer.
    mayNotPublish: [on(`acks.eu.${ID}`), on('runners.eu'), '_INBOX_commander.answer', KEY],
    maySubscribe: ['_INBOX_us.mine', on('control.us')],
    mayNotSubscribe: [...SERVICE, '_INBOX_eu.>', on('control.eu'), `${on('runs.editor')} runners`],
  },
  {
    user: 'commander',
    mayPublish: [...COMMANDS, ...QUERIES, on('runs.writer')],
    mayNotPublish: [
      ...CHANGES,
      on(`acks.eu.${ID}`),
      on('runners.eu'),
      on('graphs.register'),
      on('graphs.register.eu'),
      on('control.eu'),
      on(`fleet.${ID}`),
      on('anything'),
      '_INBOX_eu.answer',
      `${API}.INFO`,
      `${API}.STREAM.INFO.${STREAM}`,
      `${API}.STREAM.MSG.GET.${EVENTS}`,
      `${API}.DIRECT.GET.${STREAM}.${KEY}`,
      `${API}.CONSUMER.CREATE.${STREAM}.mine.${key('live.writer.>')}`,
    ],
    maySubscribe: ['_INBOX_commander.mine', on('fleet.*')],
    mayNotSubscribe: [
      ...EARS.filter((subject) => subject !== '_INBOX_commander.>'),
      ...SERVICE,
      on('control.*'),
      on('runners.*'),
      on(`events.${ID}`),
      `${on('runs.writer')} runners`,
    ],
  },
  {
    user: 'auditor',
    mayPublish: [
      ...QUERIES,
      `${API}.INFO`,
      ...[STREAM, ACKS, EVENTS].flatMap((stream) => [
        `${API}.STREAM.INFO.${stream}`,
        `${API}.STREAM.MSG.GET.${stream}`,
        `${API}.DIRECT.GET.${stream}`,
        `${API}.CONSUMER.CREATE.${stream}.auditor`,
        `${API}.CONSUMER.INFO.${stream}.auditor`,
        `${API}.CONSUMER.MSG.NEXT.${stream}.auditor`,
        `${API}.CONSUMER.DELETE.${stream}.auditor`,
        `$JS.FC.${stream}.auditor.1`,
        `$JS.ACK.${stream}.auditor.1`,
      ]),
    ],
    mayNotPublish: [
      ...CHANGES,
      ...COMMANDS,
      on('runs.writer'),
      on(`acks.eu.${ID}`),
      on('runners.eu'),
      on('graphs.register'),
      on('graphs.register.eu'),
      on('control.eu'),
      on(`fleet.${ID}`),
      '_INBOX_commander.answer',
      ...[STREAM, ACKS, EVENTS].flatMap((stream) => [
        `${API}.CONSUMER.CREATE.${stream}`,
        `${API}.CONSUMER.CREATE.${stream}.other`,
        `${API}.CONSUMER.CREATE.${stream}.other.${on('acks.>')}`,
        `${API}.CONSUMER.MSG.NEXT.${stream}.other`,
        `${API}.CONSUMER.DELETE.${stream}.other`,
        `$JS.ACK.${stream}.other.1`,
      ]),
      `${API}.STREAM.INFO.ANY`,
      `${API}.STREAM.MSG.GET.ANY`,
    ],
    maySubscribe: ['_INBOX_auditor.mine', on('events.*'), on(`events.${ID}`), on('fleet.*'), on('runners.*')],
    mayNotSubscribe: [...EARS, ...SERVICE, on('control.*'), `${on('runs.writer')} runners`],
  },
  {
    user: 'registry',
    mayPublish: [
      `${API}.INFO`,
      on('events.none'),
      on('control.eu'),
      on(`fleet.${ID}`),
      key('live.writer.none'),
      '_INBOX_commander.answer',
      '_R_.another.account',
    ],
    mayNotPublish: [
      `${API}.STREAM.PURGE.${STREAM}`,
      `${API}.STREAM.MSG.DELETE.${EVENTS}`,
      `${API}.STREAM.SNAPSHOT.${EVENTS}`,
      `${API}.STREAM.CREATE.ANY`,
      `${API}.STREAM.DELETE.ANY`,
      `${API}.STREAM.LIST`,
      `${API}.ACCOUNT.PURGE.LEDGER`,
      `${API}.SERVER.REMOVE`,
      '$SYS.REQ.SERVER.PING',
      ...COMMANDS,
      on(`acks.eu.${ID}`),
      on('runners.eu'),
      on('graphs.register'),
      on('graphs.register.eu'),
      ...['auditor', 'eu', 'us', 'nobody'].map((name) => `_INBOX_${name}.answer`),
      'assistants.v1.other.get',
      '$KV.assistant_configs_other.live.writer.x',
    ],
    maySubscribe: [
      `${on('*')} assistants`,
      `${on('graphs.register')} assistants`,
      `${on('graphs.register.*')} assistants`,
      on('runners.*'),
      '_INBOX_registry.mine',
    ],
    mayNotSubscribe: [
      '>',
      '_INBOX_commander.>',
      '_INBOX.>',
      on('*'),
      on('>'),
      '$JS.>',
      'assistants.v1.other.*',
    ],
  },
]

describe.each(CASES)('$user', ({ user, mayPublish, mayNotPublish, maySubscribe, mayNotSubscribe }) => {
  let connection: NatsConnection
  beforeAll(async () => {
    connection = await broker.as(user)
  })

  test('may publish', async () => {
    expect(await refusedPublishes(connection, mayPublish)).toEqual([])
  })
  test('may not publish', async () => {
    const refused = await refusedPublishes(connection, mayNotPublish)
    expect(refused).toEqual(mayNotPublish.map((subject) => `publish ${subject}`))
  })
  test('may subscribe', async () => {
    expect(await refusedSubscriptions(connection, maySubscribe)).toEqual([])
  })
  test('may not subscribe', async () => {
    const refused = await refusedSubscriptions(connection, mayNotSubscribe)
    expect(refused).toEqual(mayNotSubscribe.map((subscription) => `subscribe ${subscription}`))
  })
})

test('a graph is registered under the name of whoever does it, and the answer comes back', async () => {
  const [registry, eu, us] = await Promise.all([broker.as('registry'), broker.as('eu'), broker.as('us')])
  registry.subscribe(on('graphs.register.*'), {
    queue: 'assistants',
    callback: (_, msg) => void msg.respond(JSON.stringify([msg.subject, msg.json()])),
  })
  await registry.flush()
  const asked = (runner: NatsConnection, body: string) =>
    runner.request(on('graphs.register'), body, { timeout: 2_000 }).then((reply) => reply.json())
  expect(await asked(eu, '{"runner":"us"}')).toEqual([on('graphs.register.eu'), { runner: 'us' }])
  expect(await asked(us, '{}')).toEqual([on('graphs.register.us'), {}])
})

test('nothing of what was tried has changed a stream', async () => {
  const registry = await broker.as('registry')
  // As they were made: had one been deleted or altered, this would not say so in silence.
  await ensureAssets(registry, PROJECT)
  const manager = await jetstreamManager(registry)
  const held = async (stream: string) => (await manager.streams.info(stream)).state.messages
  // Four keys and the registry's own; the two reports that are their senders' own; the registry's event.
  expect([await held(STREAM), await held(ACKS), await held(EVENTS)]).toEqual([5, 2, 1])
})
