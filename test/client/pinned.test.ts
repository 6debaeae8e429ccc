// What a worker asks of the service over the bus, and what it holds of graphs that assistants share and move
// between. The service's side of `version` is answered here as docs/wire.md says.

import { BadReference, PinnedMismatch, PinnedNotFound, PinnedUnavailable } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { jetstream } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import type { NatsServer } from '../support/nats-server.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, hashOf, PROJECT, type TestPublisher } from './publisher.js'
import { inShort, keptAtLeast, Listener } from './reported.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'

describe('pinned and shared', () => {
  let server: NatsServer
  let publisher: TestPublisher
  const { start, follow, stop } = followers()

  /** Answers the query `version` with what `answer` makes of the request; undefined is a 404. */
  const answerVersions = async (answer: (request: { version: number }) => object | undefined) => {
    const asked: unknown[] = []
    publisher.nc.subscribe(`assistants.v1.${PROJECT}.version`, {
      callback: (_, msg) => {
        asked.push(msg.json())
        const found = answer(msg.json())
        const h = headers()
        if (!found) {
          h.set('Nats-Service-Error', 'version-not-found')
          h.set('Nats-Service-Error-Code', '404')
        }
        msg.respond(JSON.stringify(found ?? { code: 'version-not-found' }), { headers: h })
      },
    })
    await publisher.nc.flush()
    return asked
  }

  beforeEach(async () => {
    ;({ server, publisher } = await start())
    await publisher.promote(ONE, 2, 1, content('now'))
  })
  afterEach(stop)

  const refTo = (version: number, prompt: string) =>
    `${ONE}@1.${version}#${hashOf(content(prompt)).slice(0, 16)}`

  test('a reference gives back the content it names, asked once, and the held one unasked', async () => {
    const assistants = await follow()
    const asked = await answerVersions(() => ({ assistant_id: ONE, version: 1, ...content('then') }))
    expect(await assistants.pinned(refTo(2, 'now'))).toBe(assistants.get(ONE))
    const then = await assistants.pinned(refTo(1, 'then'))
    expect(then).toMatchObject({ version: 1, context: { prompt: 'then' }, source: 'pinned' })
    expect(await assistants.pinned(refTo(1, 'then'))).toBe(then)
    expect(asked).toEqual([{ assistant_id: ONE, generation: 1, version: 1 }])
  })

  test('anything else is an error of its own kind', async () => {
    const assistants = await follow()
    await expect(assistants.pinned('writer')).rejects.toThrow(BadReference)
    await expect(assistants.pinned(refTo(1, 'then'))).rejects.toThrow(PinnedUnavailable)
    await answerVersions(({ version }) => (version === 1 ? content('altered') : undefined))
    await expect(assistants.pinned(refTo(1, 'then'))).rejects.toThrow(PinnedMismatch)
    await expect(assistants.pinned(refTo(9, 'then'))).rejects.toThrow(PinnedNotFound)
  })

  test('named assistants only: the rest counts for the digest and is not held', async () => {
    await publisher.promote(TWO, 1, 0, content('two'))
    const assistants = await follow({ assistants: [TWO.toUpperCase()] })
    expect(assistants.status()).toMatchObject({ state: 'live', held: 1, graphs: [{ keys: 2 }] })
    expect(assistants.find(ONE)).toBeUndefined()
    expect(assistants.get(TWO).version).toBe(1)
  })

  test('an assistant that moves between two followed graphs is never absent', async () => {
    await publisher.watermark('editor')
    const assistants = await follow({ graphs: [GRAPH, 'editor'] })
    const removed: unknown[] = []
    assistants.on('removed', (event) => removed.push(event))
    const reload = next(assistants, 'reload')
    await publisher.put(publisher.tombstone(ONE, 2, 'moved', 'editor'))
    await publisher.put(publisher.value(ONE, 3, 2, content('moved', 'editor')), { graph: 'editor' })
    expect((await reload).assistant).toMatchObject({ id: ONE, graphId: 'editor', version: 3 })
    expect(removed).toEqual([])
  })

  test('a value that is no value is rejected, and what is held stays', async () => {
    const assistants = await follow()
    const rejected = next(assistants, 'rejected')
    await publisher.raw(`live.${GRAPH}.${ONE}`, '{"v":1')
    expect(await rejected).toMatchObject({ id: ONE, kept: assistants.get(ONE).ref })
    const bad = { ...publisher.value(ONE, 3, 2, content('three')), contentHash: '0'.repeat(64) }
    const again = next(assistants, 'rejected')
    await publisher.put(bad)
    expect((await again).reason).toContain('checksum')
    const reload = next(assistants, 'reload')
    await publisher.put(publisher.value(ONE, 3, 2, content('three')))
    expect((await reload).assistant.context).toEqual({ prompt: 'three' })
  })

  test('a value that is nested deeper than a stack is rejected, and the next one is taken', async () => {
    const assistants = await follow()
    const rejected = next(assistants, 'rejected')
    const value = publisher.value(ONE, 3, 2, content('deep'))
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    await publisher.raw(`live.${GRAPH}.${ONE}`, JSON.stringify(value).replace('"deep"', deep))
    expect((await rejected).reason).toContain('too deep')
    const reload = next(assistants, 'reload')
    await publisher.put(publisher.value(ONE, 3, 2, content('three')))
    expect((await reload).assistant.context).toEqual({ prompt: 'three' })
  })

  test('a key that somebody deleted by hand is repaired, and never missed meanwhile', async () => {
    const assistants = await follow()
    const removed: unknown[] = []
    assistants.on('removed', (event) => removed.push(event))
    const rejected: unknown[] = []
    assistants.on('rejected', (event) => rejected.push(event))
    const subject = `$KV.assistant_configs_${PROJECT}.live.${GRAPH}.${ONE}`
    for (const [operation, body] of [
      ['DEL', ''],
      ['PURGE', ''],
      ['DEL', JSON.stringify(publisher.tombstone(ONE, 9, 'deleted'))],
    ] as const) {
      const h = headers()
      h.set('KV-Operation', operation)
      await jetstream(publisher.nc).publish(subject, body, { headers: h })
    }
    const reload = next(assistants, 'reload')
    await publisher.promote(ONE, 3, 2, content('repaired'))
    await reload
    expect([...removed, ...rejected]).toEqual([])
  })

  test('a watermark that differs opens a snapshot, one that agrees does not', async () => {
    const assistants = await follow()
    const [first] = await publisher.consumerNames()
    const reload = next(assistants, 'reload', ({ id }) => id === TWO)
    await publisher.promote(TWO, 1, 0, content('two'))
    await reload
    expect(await publisher.consumerNames()).toEqual([first])

    // It counts a key that this consumer never showed: what a client sees that missed one.
    publisher.keys.set(`live.${GRAPH}.missed`, { epoch: 1, revision: 0 })
    await publisher.watermark()
    const began = performance.now()
    const opened = async () => !(await publisher.consumerNames()).includes(first)
    while (!(await opened())) await publisher.nc.flush()
    // Sooner than the probe of a connection without watermarks, which would find it too.
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(assistants.list()).toHaveLength(2)
    publisher.keys.delete(`live.${GRAPH}.missed`)
    publisher.position++
    await publisher.watermark()
    expect(await assistants.live(5_000)).toBe(true)
  })

  test('least privilege suffices: what the wire page lists, and nothing else', async () => {
    const prefix = `$KV.assistant_configs_${PROJECT}`
    const publish = [
      `$JS.API.CONSUMER.CREATE.KV_assistant_configs_${PROJECT}.*.${prefix}.live.${GRAPH}.>`,
      `$JS.API.CONSUMER.INFO.KV_assistant_configs_${PROJECT}.>`,
      `$JS.API.CONSUMER.DELETE.KV_assistant_configs_${PROJECT}.>`,
      `$JS.API.DIRECT.GET.KV_assistant_configs_${PROJECT}.${prefix}.live.${GRAPH}.>`,
      `$JS.FC.KV_assistant_configs_${PROJECT}.>`,
      `assistants.v1.${PROJECT}.version`,
      `assistants.v1.${PROJECT}.acks.test.>`,
      `assistants.v1.${PROJECT}.runners.test`,
    ]
    const permissions = JSON.stringify({
      publish,
      subscribe: ['_INBOX_test.>', `assistants.v1.${PROJECT}.control.test`],
    })
    const runner = `{ user: runner, password: r, permissions: ${permissions} }`
    const users = `[ { user: all, password: a }, ${runner} ]`
    ;({ publisher } = await start(`accounts { A: { jetstream: enabled, users: ${users} } }`, 'all:a'))
    await publisher.promote(ONE, 1, 0, content('first'))
    const assistants = await follow({ nats: { user: 'runner', pass: 'r' } })
    expect(assistants.status()).toMatchObject({ state: 'live', lastError: undefined })
    const reload = next(assistants, 'reload')
    await publisher.promote(ONE, 2, 1, content('second'))
    await reload
    const present = await Listener.on<{ instance: string }>(publisher.nc, 'runners.test')
    const { instance } = assistants.status()
    expect(inShort(await keptAtLeast(publisher.nc, 2))).toEqual(['active 0', 'active 1'])
    const again = await Listener.on(publisher.nc, 'acks.test.>')
    const asked = JSON.stringify({ v: 1, instance, do: 'report' })
    publisher.nc.publish(`assistants.v1.${PROJECT}.control.test`, asked)
    await again.first(() => true)
    expect(assistants.status().lastError).toBeUndefined()
    await assistants.close()
    await present.first((body) => body.instance === instance)
    expect(await publisher.consumers()).toBe(0)
  })

  test('a runner reports, and is present, under its own name only', async () => {
    const publish = ['acks.test.>', 'runners.test'].map((own) => `assistants.v1.${PROJECT}.${own}`)
    const permissions = JSON.stringify({ publish, subscribe: ['_INBOX_test.>'] })
    const users = `[ { user: all, password: a }, { user: runner, password: r, permissions: ${permissions} } ]`
    ;({ server, publisher } = await start(`accounts { A: { jetstream: enabled, users: ${users} } }`, 'all:a'))
    const acks = await Listener.on(publisher.nc, 'acks.>')
    const present = await Listener.on(publisher.nc, 'runners.>')
    const nc = await connect({ servers: server.url, user: 'runner', pass: 'r', inboxPrefix: '_INBOX_test' })
    const says = (subject: string, text: string) =>
      nc.publish(`assistants.v1.${PROJECT}.${subject}`, JSON.stringify(text))
    says(`acks.other.${ONE}`, 'as another')
    says('runners.other', 'as another')
    says(`acks.test.${ONE}`, 'as itself')
    says('runners.test', 'as itself')
    await Promise.all([acks.first(() => true), present.first(() => true)])
    expect([...acks.heard, ...present.heard].map(({ body }) => body)).toEqual(['as itself', 'as itself'])
    await nc.close()
  })
})
