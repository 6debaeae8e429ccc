// Who signs what the log is, and when: from one lead to the next, two that both think that they lead, an older log, and a
// log at rest.
import { type Checkpoint, isSignedBy, readCheckpoint } from '@assistant-ledger/assistant'
import { type EventLog, LogUnavailable, type RecordedEvent } from '@assistant-ledger/event-log'
import { afterAll, beforeEach, expect, jest, test } from '@jest/globals'
import { CheckpointSigner, type Pace } from '../../apps/registry/src/checkpoints/signer.js'
import { openLedger } from '../../apps/registry/src/roles/ledger.js'
import { creation } from '../bench/generate.js'
import { sampleId } from '../bench/samples.js'
import { pause, until } from '../faults/until.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'
import { DEADLINE_MS, signingKey } from './installation.js'
import { streamOf } from './tampering.js'

jest.setTimeout(60_000)

const QUICK: Pace = { events: 1_000_000, quiet_ms: 50 }
const SELDOM: Pace = { events: 10, quiet_ms: 3_600_000 }

let parts: Parts
let made = 0
const opened: Parts[] = []
beforeEach(async () => {
  parts = await openParts()
  opened.push(parts)
  await openLedger(parts.log, PROJECT)
})
afterAll(async () => {
  for (const one of opened) await one.close()
})

async function create(count = 1): Promise<void> {
  for (let n = 0; n < count; n++) {
    const no = made++
    await parts.log.append(streamOf(sampleId(no)), 'no_stream', creation(PROJECT, no))
  }
}

/** A replica that leads until it is told that it does no longer. */
function lead(pace = QUICK, { log }: Pick<Parts, 'log'> = parts) {
  const key = signingKey()
  const signer = new CheckpointSigner(log, PROJECT, { ...key, publicKey: key.pem }, pace)
  const stop = new AbortController()
  const ended = signer.lead(stop.signal)
  return {
    key,
    signer,
    async stop() {
      stop.abort()
      await ended
    },
  }
}

async function events(): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = []
  for await (const event of parts.log.readAll()) all.push(event)
  return all
}

async function checkpoints(): Promise<Checkpoint[]> {
  const signed = (await events()).filter(({ type }) => type === 'CheckpointSigned')
  return signed.map(({ data }) => readCheckpoint(data) as Checkpoint)
}

const untilThere = async (count: number) =>
  (await until('checkpoints', DEADLINE_MS, checkpoints, (all) => all.length >= count)).answer

test('the first event that none covers has one soon, and a log at rest no more of them', async () => {
  await create()
  const leading = lead()
  const [first] = await untilThere(1)
  expect(first).toMatchObject({ epoch: 1, position: '2', count: 2, key: leading.key.fingerprint })
  expect(isSignedBy(first as Checkpoint, leading.key.publicKey)).toBe(true)
  await create()
  await untilThere(2)
  await create()
  expect(await untilThere(3)).toHaveLength(3)
  await leading.stop()
  // Each covers an event that is no checkpoint, and that the one before did not.
  const all = await events()
  const signed = (await checkpoints()).map(({ position }) => BigInt(position))
  for (const [at, position] of signed.entries())
    expect(
      all.some(
        (event) =>
          event.type !== 'CheckpointSigned' &&
          event.position <= position &&
          event.position > (signed[at - 1] ?? 0n),
      ),
    ).toBe(true)
})

test('so many events have one at once, however long a quiet time would be waited for', async () => {
  const leading = lead(SELDOM)
  await until(
    'the follower at the end',
    DEADLINE_MS,
    () => leading.signer.isFollowing,
    (is) => is,
  )
  await create(10)
  const [first] = await untilThere(1)
  expect(first?.count).toBeGreaterThanOrEqual(10)
  await leading.stop()
})

test('an older log, longer than a page, is covered by its first one whole', async () => {
  await create(700)
  const head = await parts.log.head()
  const leading = lead()
  const covered = (all: Checkpoint[]) => BigInt(all.at(-1)?.position ?? 0) >= head
  const { answer } = await until('all covered', DEADLINE_MS, checkpoints, covered)
  expect(answer.at(-1)?.count).toBeGreaterThanOrEqual(701)
  await leading.stop()
})

/** The log with somebody in between. */
const between = (other: Partial<EventLog>): { readonly log: EventLog } => ({
  log: new Proxy(parts.log, {
    get(log, name) {
      const found = Reflect.get(log, name)
      if (name in other) return Reflect.get(other, name)
      return typeof found === 'function' ? found.bind(log) : found
    },
  }),
})
const followedBy = (follow: EventLog['follow']) => between({ follow })

test('one that could not be written is tried again, though nothing else happens', async () => {
  let failed = 0
  const append: EventLog['append'] = (...given) =>
    failed++ === 0 ? Promise.reject(new LogUnavailable('away for a moment')) : parts.log.append(...given)
  // Signed at once or not for an hour.
  const leading = lead({ events: 1, quiet_ms: 3_600_000 }, between({ append }))
  await until(
    'the follower at the end',
    DEADLINE_MS,
    () => leading.signer.isFollowing,
    (is) => is,
  )
  await create()
  const { position } = (await untilThere(1))[0] as Checkpoint
  await leading.stop()
  expect([failed, BigInt(position)]).toEqual([2, 2n])
})

test('what comes while one is being written is covered by the next, though nothing follows it', async () => {
  let taken = 0n
  const follow: EventLog['follow'] = async function* (options) {
    for await (const followed of parts.log.follow(options)) {
      yield followed
      if (followed.type === 'event') taken = followed.event.position
    }
  }
  let isWriting = false
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const append: EventLog['append'] = async (...given) => {
    isWriting = true
    await released
    return parts.log.append(...given)
  }
  const leading = lead(QUICK, between({ follow, append }))
  await create()
  await until(
    'the first one being written',
    DEADLINE_MS,
    () => isWriting,
    (is) => is,
  )
  await create()
  const head = await parts.log.head()
  await until(
    'the second event read',
    DEADLINE_MS,
    () => taken,
    (position) => position >= head,
  )
  release()
  const signed = await until(
    'the second event covered',
    DEADLINE_MS,
    checkpoints,
    (all) => BigInt(all.at(-1)?.position ?? 0) >= head,
  )
  await leading.stop()
  expect(signed.answer.map(({ position }) => BigInt(position) >= head)).toEqual([false, true])
})

test('the next lead goes on from what the log has, with its own key', async () => {
  const first = lead()
  await create(3)
  await untilThere(1)
  await first.stop()
  await create(2)
  const last = (await checkpoints()).at(-1)
  let from: bigint | undefined
  const noting: EventLog['follow'] = (options) => {
    from = options.after
    return parts.log.follow(options)
  }
  const second = lead(QUICK, followedBy(noting))
  const all = await untilThere(2)
  await second.stop()
  // Nothing before it is read again.
  expect(from).toBe(BigInt(last?.position as string))
  const [before, after] = [all.at(-2) as Checkpoint, all.at(-1) as Checkpoint]
  expect([before.key, after.key]).toEqual([first.key.fingerprint, second.key.fingerprint])
  // The two events, and the checkpoint before.
  expect(after.count - before.count).toBe(3)
})

test('of two that both think that they lead, each covers more than the one before it', async () => {
  const both = [lead(), lead()]
  for (let n = 0; n < 20; n++) {
    await create()
    if (n % 5 === 0) await untilThere(n / 5 + 1)
  }
  const head = await parts.log.head()
  await until('all covered', DEADLINE_MS, checkpoints, (all) => BigInt(all.at(-1)?.position ?? 0) >= head)
  for (const one of both) await one.stop()
  const positions = (await checkpoints()).map(({ position }) => BigInt(position))
  expect(positions.every((position, at) => at === 0 || position > (positions[at - 1] as bigint))).toBe(true)
  const revisions = (await events())
    .filter(({ type }) => type === 'CheckpointSigned')
    .map(({ revision }) => revision)
  expect(new Set(revisions).size).toBe(revisions.length)
})

test('a lead that reads late signs nothing that was signed before', async () => {
  await create(4)
  const head = await parts.log.head()
  const slowly: EventLog['follow'] = async function* (options) {
    for await (const followed of parts.log.follow(options)) {
      yield followed
      await pause(3 * QUICK.quiet_ms)
    }
  }
  const late = lead(QUICK, followedBy(slowly))
  const prompt = lead()
  await until('all covered', DEADLINE_MS, checkpoints, (all) => BigInt(all.at(-1)?.position ?? 0) >= head)
  await prompt.stop()
  await until(
    'the late one at the end',
    DEADLINE_MS,
    () => late.signer.isFollowing,
    (is) => is,
  )
  await late.stop()
  const positions = (await checkpoints()).map(({ position }) => BigInt(position))
  expect(positions.every((position, at) => at === 0 || position > (positions[at - 1] as bigint))).toBe(true)
})
