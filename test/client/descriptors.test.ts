// That a worker registers its graphs' descriptors: after its start, until a registry takes them, again after a reconnect
// and when it is asked to; that its presence names their hashes; and that nothing which goes wrong with it harms the rest.
import { createHash } from 'node:crypto'
import {
  BadOption,
  type DescriptorStatus,
  type FollowOptions,
  followAssistants,
  type GraphDescriptor,
} from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { headers, type Msg } from '@nats-io/transport-node'
import canonicalize from 'canonicalize'
import { until, untilEqual } from '../faults/until.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { followers } from './followers.js'
import { GRAPH, PROJECT, type TestPublisher } from './publisher.js'
import { Listener } from './reported.js'

const DEADLINE_MS = 10_000
/** Less than the time between two that say nothing new. */
const AT_ONCE_MS = 2_000
const TEST_MS = 30_000
const REGISTER = `assistants.v1.${PROJECT}.graphs.register`

const NONE = {
  input_schema: null,
  output_schema: null,
  state_schema: null,
  config_schema: null,
  context_schema: null,
}
const WRITER: GraphDescriptor = {
  schemas: {
    ...NONE,
    context_schema: { type: 'object', properties: { é: {}, Z: {}, a: { default: 1e21 } } },
  },
  graph: { nodes: [{ id: '__start__', type: 'schema', data: '__start__' }], edges: [] },
  xray: [],
  subgraphs: { 'a|b': NONE },
  unknown: ['/schemas/input_schema'],
}
const hashOf = (descriptor: unknown) =>
  createHash('sha256')
    .update(canonicalize(descriptor) ?? '')
    .digest('hex')
const HASH = hashOf(WRITER)

interface Registered {
  readonly graph_id: string
  readonly runner: string
  readonly build?: string
  readonly descriptor: GraphDescriptor
}

const refusal = (msg: Msg, code: string, status: number, detail: string) => {
  const said = headers()
  said.set('Nats-Service-Error', code)
  said.set('Nats-Service-Error-Code', String(status))
  msg.respond(JSON.stringify({ code, detail }), { headers: said })
}

jest.setTimeout(TEST_MS)

describe('descriptors', () => {
  let proxy: TcpProxy
  let publisher: TestPublisher
  let asked: Registered[]
  const { start, stop, ...all } = followers({ runner: { name: 'test.eu', build: '4f2c1aa' } })
  const follow = (options: Partial<FollowOptions> = {}) =>
    all.follow({ servers: proxy.url, descriptors: { [GRAPH]: WRITER }, ...options })

  beforeEach(async () => {
    const ground = await start()
    publisher = ground.publisher
    proxy = await startTcpProxy({ host: '127.0.0.1', port: ground.server.port })
    publisher.beat()
    await publisher.watermark()
    asked = []
  })
  afterEach(async () => {
    await stop()
    await proxy.close()
  })

  /** As a registry does, from now on. */
  async function registry(answer: (msg: Msg, body: Registered) => void): Promise<void> {
    publisher.nc.subscribe(REGISTER, {
      queue: 'assistants',
      callback: (_, msg) => {
        const body = msg.json<Registered>()
        asked.push(body)
        answer(msg, body)
      },
    })
    await publisher.nc.flush()
  }

  const takes = (msg: Msg, { graph_id, descriptor }: Registered) =>
    void msg.respond(JSON.stringify({ graph_id, hash: hashOf(descriptor), recorded: asked.length === 1 }))
  const askedTimes = (times: number) => untilEqual('registrations', DEADLINE_MS, () => asked.length, times)
  const became = (assistants: Awaited<ReturnType<typeof follow>>, state: DescriptorStatus['state']) =>
    until(
      state,
      DEADLINE_MS,
      () => assistants.status().descriptors[0],
      (found) => found?.state === state,
    ).then(({ answer }) => answer)

  test('are registered once, by graph, with who runs them', async () => {
    await registry(takes)
    const assistants = await follow()
    const status = { graph: GRAPH, hash: HASH, state: 'registered', detail: 'new' }
    expect(await became(assistants, 'registered')).toEqual(status)
    expect(asked).toEqual([{ graph_id: GRAPH, runner: 'test.eu', build: '4f2c1aa', descriptor: WRITER }])
  })

  test('their hashes are in the presence, and no field is when there are none', async () => {
    const presences = await Listener.on<{ descriptors?: Record<string, string> }>(
      publisher.nc,
      'runners.test=2Eeu',
    )
    await follow({ descriptors: {} })
    await presences.first(() => true)
    expect(presences.heard.every(({ body }) => !('descriptors' in body))).toBe(true)
    await follow()
    const { body } = await presences.first(({ descriptors }) => descriptors !== undefined, 0, AT_ONCE_MS)
    expect(body.descriptors).toEqual({ [GRAPH]: HASH })
  })

  test('a function is called once, after the start, and may take its time: no other waits for it', async () => {
    await registry(takes)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let calls = 0
    const assistants = await follow({
      graphs: [GRAPH, 'other'],
      initTimeoutMs: 100,
      descriptors: {
        [GRAPH]: async () => {
          calls++
          await held
          return WRITER
        },
        other: WRITER,
      },
    })
    const states = () => assistants.status().descriptors.map(({ graph, state }) => [graph, state])
    expect([calls, assistants.status().descriptors]).toEqual([0, []])
    await untilEqual('the one that is there', DEADLINE_MS, states, [['other', 'registered']])
    release()
    await became(assistants, 'registered')
    expect(calls).toBe(1)
  })

  test('with nobody there who knows the subject the client is live, says so once, and registers when somebody is', async () => {
    const assistants = await follow()
    const told: DescriptorStatus[] = []
    assistants.on('descriptor', (status) => told.push(status))
    await until(
      'waiting',
      DEADLINE_MS,
      () => told.length,
      (count) => count >= 2,
    )
    expect(assistants.status().state).toBe('live')
    await registry(takes)
    await became(assistants, 'registered')
    expect(told.map(({ state, detail }) => `${state}: ${detail}`)).toEqual([
      'waiting: not sent yet',
      'waiting: no registry answers',
      'registered: new',
    ])
  })

  test('one that is too busy is asked again and again, and that is told once', async () => {
    await registry((msg, body) =>
      asked.length < 3 ? refusal(msg, 'busy', 429, 'too much') : takes(msg, body),
    )
    const assistants = await follow()
    const told: string[] = []
    assistants.on('descriptor', ({ state, detail }) => told.push(`${state}: ${detail}`))
    await became(assistants, 'registered')
    expect(asked).toHaveLength(3)
    expect(told).toEqual(['waiting: not sent yet', 'waiting: busy: too much', 'registered: known already'])
  })

  test('a refusal is told with its reason, and the other graphs are registered', async () => {
    await registry((msg, body) =>
      body.graph_id === 'other'
        ? refusal(msg, 'graph-not-found', 404, "Graph 'other' not found")
        : takes(msg, body),
    )
    const assistants = await follow({
      graphs: ['other', GRAPH],
      descriptors: { other: WRITER, [GRAPH]: WRITER },
      initTimeoutMs: 100,
    })
    await untilEqual(
      'both',
      DEADLINE_MS,
      () => assistants.status().descriptors.map(({ graph, state, detail }) => `${graph} ${state}: ${detail}`),
      ["other refused: graph-not-found: Graph 'other' not found", `${GRAPH} registered: known already`],
    )
  })

  test('an answer that names another hash counts as a refusal', async () => {
    await registry((msg, { graph_id }) => void msg.respond(JSON.stringify({ graph_id, hash: 'another' })))
    expect(await became(await follow(), 'refused')).toMatchObject({ hash: HASH })
  })

  test('they are registered again after a reconnect, and when the registry asks this instance', async () => {
    await registry(takes)
    const assistants = await follow()
    await became(assistants, 'registered')
    proxy.cut()
    proxy.heal()
    await askedTimes(2)
    const { instance } = assistants.status()
    for (const one of ['another', instance])
      publisher.nc.publish(
        `assistants.v1.${PROJECT}.control.test=2Eeu`,
        JSON.stringify({ v: 1, instance: one, do: 'register' }),
      )
    await askedTimes(3)
  })

  test('what cannot be made or sent is told, and harms nothing else', async () => {
    await registry(takes)
    const failing = [
      () => Promise.reject(new Error('no module')),
      () => ({ ...WRITER, unknown: ['x'.repeat(512 * 1024)] }),
      7 as never,
    ]
    const details: string[] = []
    for (const descriptor of failing) {
      const assistants = await follow({ descriptors: { [GRAPH]: descriptor } })
      details.push((await became(assistants, 'failed'))?.detail ?? '')
      expect(assistants.status().state).toBe('live')
    }
    expect(details).toEqual([
      'no module',
      expect.stringMatching(/^the descriptor has \d+ bytes, more than 524288$/),
      'the descriptor is no object',
    ])
    expect(asked).toEqual([])
  })
})

test('descriptors of a graph that is not followed are an option that cannot be used', async () => {
  const options = { servers: 'nats://127.0.0.1:1', environment: 'live', runner: { name: 'test' } }
  const following = followAssistants({ ...options, graphs: ['one'], descriptors: { two: WRITER } })
  await expect(following).rejects.toThrow(BadOption)
})
