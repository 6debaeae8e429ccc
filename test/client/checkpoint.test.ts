// The newest signed checkpoint: kept on disk, named in the presence, and not given up for a word against it.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FollowOptions } from '@assistant-ledger/client'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { until } from '../faults/until.js'
import { followers } from './followers.js'
import { next } from './next.js'
import type { TestPublisher } from './publisher.js'
import { Listener } from './reported.js'

const DEADLINE_MS = 10_000
const TEST_MS = 30_000

const checkpoint = (position: number, digit = 'a', count = position) => ({
  log_id: 'log-1',
  epoch: 1,
  position: String(position),
  count,
  hash: digit.repeat(64),
  key: 'b'.repeat(64),
  signature: 'A'.repeat(86),
})

let publisher: TestPublisher
let cacheDir: string
const { start, stop, ...all } = followers()
const follow = (options: Partial<FollowOptions> = {}) => all.follow({ cacheDir, ...options })
const tell = (told: object) => publisher.watermark(undefined, { checkpoint: told })
const file = () => join(cacheDir, 'default.checkpoint.json')

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-checkpoint-'))
  publisher = (await start()).publisher
})
afterEach(async () => {
  await stop()
  await rm(cacheDir, { recursive: true, force: true })
})

test(
  'is kept across a restart, for its owner alone, and named in the presence',
  async () => {
    await tell(checkpoint(7))
    const first = await follow()
    expect(first.status().checkpoint).toMatchObject({ position: 7n, count: 7, hash: 'a'.repeat(64) })
    await first.close()
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    const presences = await Listener.on<{ checkpoint?: object }>(publisher.nc, 'runners.test')
    // A watermark of an older service, which knows no checkpoints.
    await publisher.watermark()
    const second = await follow()
    expect(second.status().checkpoint).toMatchObject({ position: 7n })
    const { body } = await presences.first(({ checkpoint: named }) => named !== undefined)
    expect(body.checkpoint).toEqual(checkpoint(7))
  },
  TEST_MS,
)

test(
  'goes forward only, and what contradicts it is told once and never taken',
  async () => {
    await tell(checkpoint(7))
    const assistants = await follow()
    await tell(checkpoint(5))
    await tell({ ...checkpoint(9), hash: 'no hash' })
    await tell(checkpoint(8))
    const held = () => assistants.status().checkpoint?.position
    await until('the next one', DEADLINE_MS, held, (position) => position === 8n)
    const told: unknown[] = []
    assistants.on('checkpoint', (event) => told.push(event))
    const first = next(assistants, 'checkpoint')
    await tell(checkpoint(8, 'c'))
    expect(await first).toMatchObject({ kept: { hash: 'a'.repeat(64) }, told: { hash: 'c'.repeat(64) } })
    await tell(checkpoint(8, 'c'))
    const second = next(assistants, 'checkpoint', ({ told: { position } }) => position === 12n)
    // A longer log with fewer events.
    await tell(checkpoint(12, 'd', 3))
    await second
    expect(told).toHaveLength(2)
    expect(assistants.status()).toMatchObject({
      checkpoint: { position: 8n, hash: 'a'.repeat(64) },
      checkpointContradiction: { told: { position: 12n } },
    })
    await assistants.close()
    expect(await readFile(file(), 'utf8')).toContain('"position":"8"')
  },
  TEST_MS,
)

test(
  'that is damaged on disk is said, and the next one takes its place',
  async () => {
    await tell(checkpoint(7))
    await (await follow()).close()
    await writeFile(file(), (await readFile(file(), 'utf8')).replace('"7"', '"9"'))
    const assistants = await follow({ initTimeoutMs: 0 })
    expect(assistants.status().cache).toMatchObject({ state: 'corrupt' })
    const held = () => assistants.status().checkpoint?.position
    await until('the checkpoint of the watermark', DEADLINE_MS, held, (position) => position === 7n)
  },
  TEST_MS,
)
