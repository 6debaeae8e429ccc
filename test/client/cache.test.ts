// The disk copy: what a worker serves before NATS answers, and what it never serves.
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssistantNotHeld, type FollowOptions } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { until, untilEqual } from '../faults/until.js'
import type { NatsServer } from '../support/nats-server.js'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, type TestPublisher } from './publisher.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TEST_MS = 30_000

describe('cache', () => {
  let server: NatsServer
  let publisher: TestPublisher
  let cacheDir: string
  const { start, stop, ...all } = followers()
  const follow = (options: Partial<FollowOptions> = {}) => all.follow({ cacheDir, ...options })
  const file = () => join(cacheDir, `default.live.${GRAPH}.json`)

  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-cache-'))
    ;({ server, publisher } = await start())
    await publisher.promote(ONE, 1, 3, content('kept'))
    await (await follow()).close()
  })
  afterEach(async () => {
    await stop()
    await rm(cacheDir, { recursive: true, force: true })
  })

  test('is readable by its owner alone, and closing leaves nothing beside it', async () => {
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    expect(await readdir(cacheDir)).toEqual([`default.live.${GRAPH}.json`])
  })

  test(
    'is served as stale while NATS is down, then gives way to what is live',
    async () => {
      await server.kill()
      const assistants = await follow()
      expect(assistants.status()).toMatchObject({ state: 'stale', connected: false, held: 1 })
      expect(assistants.get(ONE)).toMatchObject({ version: 1, source: 'disk' })
      const live = next(assistants, 'state', ({ to }) => to === 'live')
      await server.restart()
      await live
      const reload = next(assistants, 'reload')
      await publisher.promote(ONE, 2, 4, content('newer'))
      await reload
      expect(assistants.get(ONE)).toMatchObject({ version: 2, source: 'live' })
    },
    TEST_MS,
  )

  test('goes through the check of the caller like everything else', async () => {
    await server.kill()
    const assistants = await follow({ validate: () => 'not here' })
    expect(() => assistants.get(ONE)).toThrow(AssistantNotHeld)
  })

  test('that is corrupt is refused, and fetched again', async () => {
    await writeFile(file(), (await readFile(file(), 'utf8')).replace('kept', 'bent'))
    const assistants = await follow()
    expect(assistants.get(ONE).context).toEqual({ prompt: 'kept' })
    expect(assistants.get(ONE).source).toBe('live')
    await assistants.close()
    expect(await readFile(file(), 'utf8')).toContain('kept')
  })

  test('that is corrupt serves nothing while NATS is down', async () => {
    await writeFile(file(), 'no copy at all')
    await server.kill()
    const assistants = await follow({ initTimeoutMs: 200 })
    expect(assistants.status().cache.state).toBe('corrupt')
    expect(assistants.status().state).toBe('starting')
    expect(() => assistants.get(ONE)).toThrow('this client is starting')
  })

  test('a second client on one directory runs without, and says so', async () => {
    const first = await follow()
    const second = await follow()
    expect(first.status().cache.state).toBe('ok')
    expect(second.status().cache).toMatchObject({ state: 'locked' })
    expect(second.status().cache.detail).toContain(`process ${process.pid}`)
    expect(second.get(ONE).version).toBe(1)
  })

  test('a lock that a dead process left behind is taken over', async () => {
    await writeFile(join(cacheDir, 'lock'), JSON.stringify({ instance: 'x', pid: process.pid, host: 'x' }))
    await chmod(join(cacheDir, 'lock'), 0o600)
    const longAgo = new Date(Date.now() - 3_600_000)
    await utimes(join(cacheDir, 'lock'), longAgo, longAgo)
    expect((await follow()).status().cache.state).toBe('ok')
  })

  test('a client whose lock was taken over, as from a suspended process, writes no more', async () => {
    const assistants = await follow()
    const before = await readFile(file(), 'utf8')
    const other = JSON.stringify({ instance: 'other', pid: process.pid, host: 'x' })
    await writeFile(join(cacheDir, 'lock'), other)
    const lost = next(assistants, 'cache')
    await publisher.promote(ONE, 2, 4, content('newer'))
    expect(await lost).toMatchObject({ state: 'locked' })
    expect(assistants.get(ONE).version).toBe(2)
    expect(assistants.status().cache.state).toBe('locked')
    await assistants.close()
    expect(await readFile(file(), 'utf8')).toBe(before)
    expect(await readFile(join(cacheDir, 'lock'), 'utf8')).toBe(other)
    expect((await readdir(cacheDir)).sort()).toEqual([`default.live.${GRAPH}.json`, 'lock'])
  })

  test('a lock that somebody removed is taken again with the next write', async () => {
    const assistants = await follow()
    await rm(join(cacheDir, 'lock'))
    await publisher.promote(ONE, 2, 4, content('newer'))
    await until(
      'written',
      TEST_MS,
      () => readFile(file(), 'utf8'),
      (text) => text.includes('newer'),
    )
    expect(assistants.status().cache.state).toBe('ok')
    expect((await follow()).status().cache.state).toBe('locked')
  })

  test('what a dying process left half written is cleared away', async () => {
    await writeFile(`${file()}.x.tmp`, 'half')
    await follow()
    expect((await readdir(cacheDir)).sort()).toEqual([`default.live.${GRAPH}.json`, 'lock'])
  })

  test.each([
    ['a promotion time', '"promotedAt":"2026', '"promotedAt":"2062'],
    ['how far it is', '"position":"', '"position":"9'],
  ])('of which %s was bent is refused, as a bent content is', async (_, from, to) => {
    const text = await readFile(file(), 'utf8')
    expect(text).toContain(from)
    await writeFile(file(), text.replace(from, to))
    await server.kill()
    const assistants = await follow({ initTimeoutMs: 200 })
    expect(assistants.status()).toMatchObject({ state: 'starting', held: 0, cache: { state: 'corrupt' } })
  })

  test('of one graph says nothing of another, which is starting until it is confirmed', async () => {
    await publisher.watermark('editor', { count: 5 })
    const assistants = await follow({ graphs: [GRAPH, 'editor'], initTimeoutMs: 200 })
    const editor = () => assistants.status().graphs[1]
    await untilEqual('reached', TEST_MS, () => editor()?.position, '0')
    expect(editor()?.state).toBe('starting')
  })

  test('with neither, a bundled default is served, or nothing', async () => {
    await server.kill()
    await rm(file())
    const options = {
      initTimeoutMs: 200,
      bundled: { [ONE]: { graph_id: GRAPH, context: { prompt: 'bundled' } } },
    }
    const assistants = await follow(options)
    expect(assistants.get(ONE)).toMatchObject({ source: 'bundled', context: { prompt: 'bundled' } })
    expect(assistants.status().state).toBe('starting')
  })
})
