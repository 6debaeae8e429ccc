// What a runner reports, when, and how often: as the registry finds it in JetStream, over every way in which NATS can
// be away in between.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, open as openFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Assistants } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { connect } from '@nats-io/transport-node'
import { SPOOL_MOST, Spool } from '../../libs/client/src/spool.js'
import { until, untilEqual } from '../faults/until.js'
import type { NatsServer } from '../support/nats-server.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, hashOf, PROJECT, type TestPublisher } from './publisher.js'
import { inShort, kept, keptAtLeast, Listener, type ReportBody } from './reported.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'
const THREE = '33333333-3333-4333-8333-333333333333'
/** ONE is among the first 112 of them. */
const someIds = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${ONE.slice(0, -3)}${String(i).padStart(3, '0')}`)
const DEADLINE_MS = 10_000
/** What is not acknowledged is said again after five seconds anyway. */
const SOONER_THAN_OVERDUE_MS = 2_000
const TEST_MS = 30_000

describe('reports', () => {
  let server: NatsServer
  let publisher: TestPublisher
  let cacheDir: string
  const { start, follow, open, stop } = followers({ runner: { name: 'test.eu', build: '4f2c1aa' } })
  const nothingWaits = (assistants: Assistants) =>
    untilEqual('reports that wait', DEADLINE_MS, () => assistants.status().reports.waiting, 0)

  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-reports-'))
    ;({ server, publisher } = await start())
    await publisher.watermark()
  })
  afterEach(async () => {
    await stop()
    await rm(cacheDir, { recursive: true, force: true })
  })

  describe('what is reported', () => {
    test('an activation names exactly what is active, where and by whom', async () => {
      await publisher.promote(ONE, 3, 7, content('x'))
      const assistants = await follow()
      const { instance } = assistants.status()
      const [report] = await keptAtLeast(publisher.nc, 1)
      expect(report).toEqual({
        subject: `assistants.v1.${PROJECT}.acks.test=2Eeu.${ONE}`,
        id: `${ONE}.1.7.live.test=2Eeu.${instance}.active`,
        body: {
          v: 1,
          runner: 'test.eu',
          instance,
          build: '4f2c1aa',
          environment: 'live',
          graph: GRAPH,
          assistant_id: ONE,
          log_id: 'log-1',
          epoch: 1,
          revision: 7,
          generation: 1,
          version: 3,
          hash: hashOf(content('x')),
          status: 'active',
        },
      })
      await nothingWaits(assistants)
      expect(assistants.status().reports).toEqual({ waiting: 0, made: 1, dropped: 0 })
    })

    test('a rejection says why, in at most 500 characters', async () => {
      await publisher.promote(ONE, 1, 0, content('x'))
      await follow({ validate: (a) => a.version === 1 || `no:${'𝄞'.repeat(400)}` })
      await publisher.promote(ONE, 2, 1, content('y'))
      const [, { body }] = (await keptAtLeast(publisher.nc, 2)) as [unknown, { body: ReportBody }]
      expect(body).toMatchObject({ status: 'rejected', revision: 1, version: 2, hash: hashOf(content('y')) })
      expect(body.reason).toHaveLength(500)
      // The character at the cut is not sent in half.
      expect(body.reason).toMatch(/^no:𝄞+\uFFFD$/u)
    })

    test('what cannot be read is reported as far as it can, and not at all without its order', async () => {
      await follow()
      await publisher.raw(`live.${GRAPH}.${ONE}`, '{"v":1')
      await publisher.raw(`live.${GRAPH}.no.id`, JSON.stringify(publisher.value(ONE, 1, 0, content('x'))))
      const bent = { ...publisher.value(TWO, 1, 4, content('x')), contentHash: '0'.repeat(64) }
      await publisher.put(bent)
      const [report, ...others] = await keptAtLeast(publisher.nc, 1)
      expect(others).toEqual([])
      expect(report?.body).toMatchObject({
        assistant_id: TWO,
        status: 'rejected',
        log_id: 'log-1',
        revision: 4,
      })
      expect(report?.body.reason).toContain('checksum')
      for (const field of ['generation', 'version', 'hash']) expect(report?.body).not.toHaveProperty(field)
    })

    test('a tombstone and a sweep take away what was held, and nothing else is reported as removed', async () => {
      await publisher.promote(ONE, 1, 0, content('one'))
      await publisher.promote(TWO, 1, 5, content('two'))
      await follow()
      await keptAtLeast(publisher.nc, 2)
      await publisher.put(publisher.tombstone(THREE, 3, 'deleted'))
      await publisher.put(publisher.tombstone(ONE, 1, 'deleted'))
      const [, , deleted] = await keptAtLeast(publisher.nc, 3)
      expect(deleted?.body).toMatchObject({ assistant_id: ONE, status: 'removed', epoch: 1, revision: 1 })
      expect(deleted?.body).not.toHaveProperty('hash')

      publisher.epoch = 2
      publisher.keys.clear()
      await publisher.deleteBucket()
      await publisher.makeBucket()
      await publisher.promote(THREE, 1, 4, content('three'))
      const reports = (await keptAtLeast(publisher.nc, 5)).slice(3)
      const swept = reports.find(({ body }) => body.assistant_id === TWO)
      expect(swept?.body).toMatchObject({ status: 'removed', epoch: 2, revision: 5 })
    })

    test('each state once: a new epoch with the same content, or a new snapshot, is no news', async () => {
      await publisher.promote(ONE, 1, 0, content('one'))
      const assistants = await follow()
      await keptAtLeast(publisher.nc, 1)
      publisher.epoch = 2
      await publisher.promote(ONE, 1, 0, content('one'))
      await publisher.deleteBucket()
      await publisher.makeBucket()
      await publisher.promote(ONE, 1, 0, content('one'))
      const reload = next(assistants, 'reload')
      await publisher.promote(TWO, 1, 3, content('two'))
      await reload
      expect(inShort(await keptAtLeast(publisher.nc, 2))).toEqual(['active 0', 'active 3'])
    })
  })

  describe('when an activation is reported', () => {
    const file = () => join(cacheDir, `${PROJECT}.live.${GRAPH}.json`)

    test('only when the disk copy holds it', async () => {
      const onDisk: boolean[] = []
      const holds = (hash: string | undefined) => {
        try {
          return readFileSync(file(), 'utf8').includes(`"contentHash":"${hash}"`)
        } catch {
          return false
        }
      }
      await Listener.on<ReportBody>(publisher.nc, 'acks.>', ({ body }) => onDisk.push(holds(body.hash)))
      await publisher.promote(ONE, 1, 0, content('one'))
      await follow({ cacheDir })
      await keptAtLeast(publisher.nc, 1)
      for (const revision of [1, 2, 3]) {
        await publisher.promote(ONE, revision + 1, revision, content(`one, ${revision}`))
        await keptAtLeast(publisher.nc, revision + 1)
      }
      expect(onDisk).toEqual([true, true, true, true])
    })

    test('in one write with others, each is still reported, in order', async () => {
      const assistants = await follow({ cacheDir })
      for (const revision of [0, 1, 2])
        await publisher.put(publisher.value(ONE, revision + 1, revision, content(`one, ${revision}`)))
      await publisher.put(publisher.tombstone(ONE, 3, 'deleted'))
      const reports = await keptAtLeast(publisher.nc, 4)
      expect(inShort(reports)).toEqual(['active 0', 'active 1', 'active 2', 'removed 3'])
      expect(assistants.status().reports.made).toBe(4)
    })

    test('all the same when the disk copy cannot be written, or is another process’s', async () => {
      const first = await follow({ cacheDir })
      const second = await follow({ cacheDir })
      await rm(cacheDir, { recursive: true })
      await publisher.promote(ONE, 1, 0, content('one'))
      const instances = (await keptAtLeast(publisher.nc, 2)).map(({ body }) => body.instance)
      expect(new Set(instances)).toEqual(new Set([first.status().instance, second.status().instance]))
      expect([first.status().cache.state, second.status().cache.state]).toEqual(['failed', 'locked'])
    })
  })

  test(
    'a disk that hangs holds them up for five seconds, and no more',
    async () => {
      const assistants = await follow({ cacheDir })
      // Opening a pipe for writing waits for somebody who reads it.
      const { instance } = JSON.parse(readFileSync(join(cacheDir, 'lock'), 'utf8'))
      const pipe = join(cacheDir, `${PROJECT}.live.${GRAPH}.json.${instance}.tmp`)
      execFileSync('mkfifo', [pipe])
      try {
        await publisher.promote(ONE, 1, 0, content('one'))
        await publisher.put(publisher.tombstone(ONE, 1, 'deleted'))
        await untilEqual('waiting', DEADLINE_MS, () => assistants.status().reports.waiting, 2)
        const reports = await keptAtLeast(publisher.nc, 2)
        expect(inShort(reports)).toEqual(['active 0', 'removed 1'])
      } finally {
        await (await openFile(pipe)).close()
      }
    },
    TEST_MS,
  )

  describe('a new instance', () => {
    test(
      'reports what it holds from disk once that is confirmed, and once',
      async () => {
        await publisher.promote(ONE, 1, 0, content('one'))
        await publisher.promote(TWO, 1, 0, content('two'))
        const first = await follow({ cacheDir })
        await first.close()
        expect(await kept(publisher.nc)).toHaveLength(2)

        const publisherIsBack = publisher.reconnected()
        await server.kill()
        const second = await follow({ cacheDir })
        expect(second.status()).toMatchObject({ held: 2, reports: { made: 0 } })
        expect(second.status().instance).not.toBe(first.status().instance)
        const live = next(second, 'state', ({ to }) => to === 'live')
        await server.restart()
        await Promise.all([publisherIsBack, live])
        await nothingWaits(second)
        const reports = (await keptAtLeast(publisher.nc, 4)).slice(2)
        expect(reports.map(({ body }) => body.instance)).toEqual(Array(2).fill(second.status().instance))
        expect(new Set(reports.map(({ body }) => body.assistant_id))).toEqual(new Set([ONE, TWO]))
        expect(second.status().reports.made).toBe(2)
      },
      TEST_MS,
    )

    test('reports what it goes on holding from disk, because what is published now is rejected', async () => {
      await publisher.promote(ONE, 1, 0, content('one'))
      await (await follow({ cacheDir })).close()
      await publisher.promote(ONE, 2, 1, content('forbidden'))
      const second = await follow({ cacheDir, validate: (a) => a.context.prompt !== 'forbidden' })
      const reports = (await keptAtLeast(publisher.nc, 3)).slice(1)
      expect(reports.map(({ body }) => body.instance)).toEqual(Array(2).fill(second.status().instance))
      expect(inShort(reports)).toEqual(['active 0', 'rejected 1'])
    })
  })

  describe('while NATS does not take them', () => {
    test(
      'they wait in order, and go out when the server is back',
      async () => {
        let release = () => {}
        const released = new Promise<void>((resolve) => {
          release = resolve
        })
        const assistants = await follow({ validate: () => released.then(() => true) })
        for (const [revision, id] of [ONE, TWO, THREE].entries())
          await publisher.put(publisher.value(id, 1, revision, content(id)))
        const publisherIsBack = publisher.reconnected()
        await server.kill()
        await untilEqual('connected', DEADLINE_MS, () => assistants.status().connected, false)
        release()
        await untilEqual('waiting', DEADLINE_MS, () => assistants.status().reports.waiting, 3)
        expect(assistants.list()).toHaveLength(3)
        await server.restart()
        await publisherIsBack
        expect(inShort(await keptAtLeast(publisher.nc, 3))).toEqual(['active 0', 'active 1', 'active 2'])
        await nothingWaits(assistants)
      },
      TEST_MS,
    )

    test(
      'they wait in order for a stream that is made later, and swaps go on',
      async () => {
        await publisher.deleteReports()
        const assistants = await follow()
        for (let revision = 0; revision < 100; revision++)
          await publisher.put(publisher.value(ONE, revision + 1, revision, content(`${revision}`)))
        await until(
          'the last swap',
          DEADLINE_MS,
          () => assistants.find(ONE)?.version,
          (version) => version === 100,
        )
        expect(assistants.status().reports).toMatchObject({ waiting: 100, made: 100, dropped: 0 })
        expect(assistants.status().lastError).toContain('JetStream has no stream')
        const tried = await Listener.on<ReportBody>(publisher.nc, 'acks.>')
        await publisher.makeReports()
        await nothingWaits(assistants)
        const accepted = tried.heard.slice(-100).map(({ body }) => body.revision)
        expect(accepted).toEqual(Array.from({ length: 100 }, (_, revision) => revision))
        // A subject keeps its last 20.
        expect(inShort(await kept(publisher.nc)).at(-1)).toBe('active 99')
      },
      TEST_MS,
    )

    test(
      'it goes on from the first that was not acknowledged',
      async () => {
        await publisher.deleteReports()
        let unanswered = 1
        const tried = await Listener.on<ReportBody>(publisher.nc, 'acks.>', ({ body, reply }) => {
          if (body.revision === 1 && unanswered-- > 0) return
          publisher.nc.publish(reply, JSON.stringify({ stream: 'a double', seq: 1 }))
        })
        const assistants = await follow()
        for (const [revision, id] of [ONE, TWO, THREE].entries())
          await publisher.put(publisher.value(id, 1, revision, content(id)))
        await until(
          'attempts',
          DEADLINE_MS,
          () => tried.heard.length,
          (attempts) => attempts === 4,
        )
        await nothingWaits(assistants)
        expect(tried.heard.map(({ body }) => body.revision)).toEqual([0, 1, 2, 1])
        expect(tried.heard[1]?.id).toBe(tried.heard[3]?.id)
      },
      TEST_MS,
    )

    test(
      'what was on its way over a connection that broke is said again as soon as there is another',
      async () => {
        const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port })
        open.push(proxy)
        await publisher.deleteReports()
        let answers = false
        const tried = await Listener.on<ReportBody>(publisher.nc, 'acks.>', ({ reply }) => {
          if (answers) publisher.nc.publish(reply, JSON.stringify({ stream: 'a double', seq: 1 }))
        })
        const assistants = await follow({ servers: proxy.url })
        await publisher.promote(ONE, 1, 0, content('one'))
        const { id } = await tried.first(() => true)
        answers = true
        const connected = () => assistants.status().connected
        proxy.cut()
        await untilEqual('connected', DEADLINE_MS, connected, false)
        proxy.heal()
        await untilEqual('connected', DEADLINE_MS, connected, true)
        expect((await tried.first(() => true, 1, SOONER_THAN_OVERDUE_MS)).id).toBe(id)
        await nothingWaits(assistants)
      },
      TEST_MS,
    )

    test(
      'a full spool lets the oldest go, and counts it',
      async () => {
        const spool = new Spool({ inboxPrefix: '_INBOX', more: () => undefined, onError: () => {} })
        const nc = await connect({ servers: server.url })
        open.push(nc)
        for (let i = 0; i < SPOOL_MOST + 3; i++)
          spool.push({
            subject: `assistants.v1.${PROJECT}.acks.test.${i}`,
            id: `${i}`,
            body: `{"revision":${i}}`,
          })
        expect([spool.waiting, spool.dropped]).toEqual([SPOOL_MOST, 3])
        spool.attach(nc)
        await spool.drained(TEST_MS)
        expect(spool.waiting).toBe(0)
        spool.close()
        const reports = await kept(publisher.nc)
        const revisions = reports.map(({ body }) => body.revision)
        expect(revisions).toEqual(Array.from({ length: SPOOL_MOST }, (_, i) => i + 3))
      },
      TEST_MS,
    )

    test('a connection that refuses to send throws at nobody', async () => {
      const errors: unknown[] = []
      const onError = (error: unknown) => errors.push(error)
      const spool = new Spool({ inboxPrefix: '_INBOX', more: () => undefined, onError })
      const nc = await connect({ servers: server.url })
      spool.attach(nc)
      await nc.close()
      spool.push({ subject: `assistants.v1.${PROJECT}.acks.test.x`, id: 'x', body: '{}' })
      expect(errors).toHaveLength(1)
      spool.close()
    })

    test('closing leaves half a second for the last ones, and no more', async () => {
      const ids = someIds(200)
      for (const id of ids) await publisher.put(publisher.value(id, 1, 0, content('x')))
      await publisher.watermark()
      const assistants = await follow({ cacheDir })
      await assistants.close()
      expect((await kept(publisher.nc)).map(({ body }) => body.assistant_id)).toEqual(ids)

      await publisher.deleteReports()
      const another = await follow({ cacheDir })
      expect(await another.live(5_000)).toBe(true)
      expect(another.status().reports.waiting).toBe(200)
      const began = performance.now()
      await another.close()
      expect(performance.now() - began).toBeLessThan(2_000)
    })
  })

  describe('when the registry asks', () => {
    const ask = async (instance: string, what = 'report') => {
      const body = JSON.stringify({ v: 1, instance, do: what })
      publisher.nc.publish(`assistants.v1.${PROJECT}.control.test=2Eeu`, body)
      await publisher.nc.flush()
    }

    test('the instance that is named makes its last report of each assistant again, under the same ids', async () => {
      const ids = someIds(150)
      for (const id of ids) await publisher.put(publisher.value(id, 1, 0, content('x')))
      await publisher.watermark()
      const one = await follow()
      const two = await follow()
      await publisher.promote(ONE, 2, 1, content('one again'))
      const before = await keptAtLeast(publisher.nc, 2 * 151)
      await nothingWaits(one)

      const again = await Listener.on<ReportBody>(publisher.nc, 'acks.>')
      await ask('somebody else')
      await ask(one.status().instance, 'something else')
      await ask(one.status().instance)
      await until(
        'reports again',
        DEADLINE_MS,
        () => again.heard.length,
        (heard) => heard >= 150,
      )
      await nothingWaits(one)
      const own = before.filter(({ body }) => body.instance === one.status().instance)
      const last = new Map(own.map(({ id, body }) => [body.assistant_id, { id, body }]))
      expect(again.heard.map(({ id, body }) => ({ id, body }))).toEqual([...last.values()])
      expect(two.status().instance).not.toBe(one.status().instance)
      // They were duplicates, and JetStream says so.
      expect(await keptAtLeast(publisher.nc, 2 * 151)).toEqual(before)
      expect(one.status().reports).toEqual({ waiting: 0, made: 151, dropped: 0 })
    })
  })
})
