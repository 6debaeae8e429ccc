// The embedded log: the contract of the port, and what only a file of one's own must stand.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import {
  EMBEDDED_LIMITS,
  type EventData,
  type EventLog,
  LogLocked,
  LogUnavailable,
  openEmbeddedLog,
} from '../../libs/event-log/src/index.js'
import { between, seededRandom } from '../faults/seeded.js'
import { describeEventLog } from './contract.js'
import { collect, event, freshStream, numbered, numberOf, range } from './events.js'

jest.setTimeout(120_000)

const KILLS = 10

let directory: string
let files = 0
const freshFile = (): string => join(directory, `${++files}.db`)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'event-log-'))
})
afterAll(() => rm(directory, { recursive: true }))

describeEventLog('the embedded log keeps the contract', () => openEmbeddedLog({ file: freshFile() }))

const opened: EventLog[] = []
// Also those of a test that failed: a thread that is left keeps the run alive. A second close does nothing.
afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())))

async function open(file: string): Promise<EventLog> {
  const log = await openEmbeddedLog({ file })
  opened.push(log)
  return log
}

const child = (script: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

async function kill(process: ChildProcess): Promise<void> {
  const exit = once(process, 'exit')
  process.kill('SIGKILL')
  await exit
}

describe('one file has one writer', () => {
  test('a second process is refused with one clear line, and let in after a kill -9', async () => {
    const file = freshFile()
    const first = child('writing-child.mjs', file, `${file}.notes`)
    await once(first.stdout as NonNullable<typeof first.stdout>, 'data')
    try {
      const refused = await open(file).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(LogLocked)
      expect((refused as Error).message).toMatch(
        /^another process is writing to the event log .*\.db; stop it/,
      )
    } finally {
      await kill(first)
    }
    await (await open(file)).close()
  })

  test('nor does one process open it twice, not by another name either', async () => {
    const file = freshFile()
    const log = await open(file)
    await symlink(file, `${file}.link`)
    await expect(open(file)).rejects.toThrow(LogLocked)
    await expect(open(`${file}.link`)).rejects.toThrow(LogLocked)
    await expect(log.append(freshStream(), 'no_stream', numbered(1))).resolves.toBeDefined()
    await log.close()
  })
})

describe('opening', () => {
  test('what was written is there, and goes on from where it was', async () => {
    const file = freshFile()
    const stream = freshStream()
    const first = await open(file)
    const before = await first.append(stream, 'no_stream', numbered(3))
    await first.close()
    const second = await open(file)
    expect(await second.head()).toBe(before.position)
    const after = await second.append(stream, 2n, numbered(1, 3))
    expect(after.position).toBeGreaterThan(before.position)
    expect((await collect(second.readStream(stream))).map(numberOf)).toEqual(range(0, 4))
    await second.close()
  })

  test.each([
    ['a file that is no database', (file: string) => writeFile(file, 'x'.repeat(8192)), 'SQLITE_NOTADB'],
    ['a folder', (file: string) => mkdir(file), 'SQLITE_CANTOPEN'],
    ['a damaged log', damagedLog, 'SQLITE_CORRUPT'],
  ])('%s is refused by name, and with what SQLite says', async (_what, make, code) => {
    const file = freshFile()
    await make(file)
    const refused = await open(file).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(LogUnavailable)
    expect((refused as Error).message).toContain(file)
    expect((refused as Error).message).toMatch(new RegExp(`does not open: [a-z ]+ \\(${code}\\w*\\)$`))
  })

  test('a folder that does not exist is refused by name', async () => {
    const file = join(directory, 'nowhere', 'log.db')
    await expect(open(file)).rejects.toThrow(file)
  })

  test('a file of a newer version is refused, untouched', async () => {
    const file = freshFile()
    await (await open(file)).close()
    const bytes = await readFile(file)
    // SQLite keeps the user version at byte 60 of the file, big-endian.
    bytes.writeUInt32BE(99, 60)
    await writeFile(file, bytes)
    await expect(open(file)).rejects.toThrow(/format is 99/)
    expect((await readFile(file)).readUInt32BE(60)).toBe(99)
  })
})

/** A log whose first page holds its header and then nothing that makes sense. */
async function damagedLog(file: string): Promise<void> {
  await (await open(file)).close()
  const bytes = await readFile(file)
  bytes.fill(0xff, 100, 4096)
  await writeFile(file, bytes)
}

describe('closing', () => {
  test('waits for the appends under way, ends followers, and folds everything into the one file', async () => {
    const file = freshFile()
    const log = await open(file)
    const following = collect(log.follow({ signal: new AbortController().signal }))
    const appends = range(0, 200).map(() => log.append(freshStream(), 'no_stream', numbered(2)))
    const closing = log.close()
    expect(await Promise.all(appends)).toHaveLength(200)
    await closing
    await following
    await expect(stat(`${file}-wal`)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(log.append('late', 'no_stream', numbered(1))).rejects.toThrow(LogUnavailable)
    await expect(collect(log.readAll())).rejects.toThrow(LogUnavailable)
    await expect(log.head()).rejects.toThrow(LogUnavailable)
    await log.close()
    const again = await open(file)
    expect(await collect(again.readAll())).toHaveLength(400)
    await again.close()
  })

  test('leaves one file every time, whichever thread is the faster', async () => {
    for (let round = 0; round < 30; round++) {
      const file = freshFile()
      await (await open(file)).close()
      await expect(stat(`${file}-wal`)).rejects.toMatchObject({ code: 'ENOENT' })
    }
  })
})

describe('what the only writer knows without a look', () => {
  test('which streams have nothing past a position, also before this opening and of more than it remembers', async () => {
    const file = freshFile()
    const before = await open(file)
    const old = freshStream()
    const first = await before.append(old, 'no_stream', numbered(1))
    const second = await before.append(freshStream(), 'no_stream', numbered(1))
    await before.close()

    const log = await open(file)
    expect(log.mayGoPast(old, first.position)).toBe(true)
    expect(log.mayGoPast(old, second.position)).toBe(false)
    const many = range(0, EMBEDDED_LIMITS.recentStreams + 50).map(freshStream)
    const ends = await Promise.all(many.map((stream) => log.append(stream, 'no_stream', numbered(1))))
    const [early, late] = [ends[0], ends.at(-1)] as [{ position: bigint }, { position: bigint }]
    expect(log.mayGoPast(many[0] as string, early.position - 1n)).toBe(true)
    expect(log.mayGoPast(many.at(-1) as string, late.position - 1n)).toBe(true)
    expect(log.mayGoPast(many[0] as string, late.position)).toBe(false)
    expect(log.mayGoPast(old, late.position)).toBe(false)
    await log.close()
  })
})

test('a reading reaches what the head was before it, also while the writer has not told of it yet', async () => {
  const log = await open(freshFile())
  const { position } = await log.append('s', 'no_stream', numbered(1))
  const appending = log.append('s', 0n, numbered(2, 1))
  // By now the writer has it.
  await turn()
  // Nothing but what is waited for at once has its turn here: what the writer tells comes later.
  let head = position
  for (const until = Date.now() + 10_000; head === position && Date.now() < until; ) head = await log.head()
  const read = await collect(log.readAll({ after: position }))
  expect([head, read.at(-1)?.position]).toEqual([position + 2n, position + 2n])
  await appending
})

test('more than may wait is turned away as unavailable, and what waits is written', async () => {
  const log = await open(freshFile())
  const data = { text: 'x'.repeat(EMBEDDED_LIMITS.appendBytes - 1024) }
  const room = Math.floor(EMBEDDED_LIMITS.waitingBytes / (EMBEDDED_LIMITS.appendBytes - 1000))
  const outcomes = await Promise.allSettled(
    range(0, room + 5).map(() => log.append(freshStream(), 'no_stream', [event(data)])),
  )
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(refusals.length).toBeGreaterThan(0)
  expect(refusals.length).toBeLessThanOrEqual(6)
  for (const refusal of refusals) expect(refusal).toBeInstanceOf(LogUnavailable)
  await log.append(freshStream(), 'no_stream', [event(data)])
  let written = 0
  for await (const _ of log.readAll()) written++
  expect(written).toBe(room + 5 - refusals.length + 1)
  await log.close()
})

test(`${KILLS} times kill -9 of a writer: every acknowledged append is there, and no half one`, async () => {
  const random = seededRandom('kill -9 of a log writer')
  const file = freshFile()
  const notes = `${file}.notes`
  for (let round = 0; round < KILLS; round++) {
    const writing = child('writing-child.mjs', file, notes)
    await once(writing.stdout as NonNullable<typeof writing.stdout>, 'data')
    // When the kill falls is the fault under test, not a wait for something.
    await delay(between(random, 0, 300))
    await kill(writing)
    await verify(file, notes)
  }
  expect((await readFile(notes, 'utf8')).split('\n').length).toBeGreaterThan(100)
})

/** Opens the log as after a crash and holds it against the notes of what was acknowledged. */
async function verify(file: string, notes: string): Promise<void> {
  const log = await open(file)
  try {
    const newest = new Map<string, bigint>()
    const appendAt = new Map<string, string>()
    let position = 0n
    let rest = 0
    for await (const { stream, revision, position: at, data } of log.readAll()) {
      const { append, i, of } = data as { append: string; i: number; of: number }
      if (at <= position) throw new Error(`position ${at} after ${position}`)
      if (revision !== (newest.get(stream) ?? -1n) + 1n) throw new Error(`${stream} jumps to ${revision}`)
      if ((rest === 0) !== (i === 0)) throw new Error(`half an append before ${stream} ${revision}`)
      rest = of - i - 1
      position = at
      newest.set(stream, revision)
      appendAt.set(`${stream} ${revision} ${at}`, append)
    }
    expect(rest).toBe(0)
    for (const line of (await readFile(notes, 'utf8')).split('\n').filter(Boolean)) {
      const [stream, revision, at, append] = JSON.parse(line) as [string, number, number, string]
      if (appendAt.get(`${stream} ${revision} ${at}`) !== append)
        throw new Error(`acknowledged, and lost: ${line}`)
    }
  } finally {
    await log.close()
  }
}

test('a disk that takes no more fails the append in doubt, then the log; the very same append settles it', async () => {
  const file = freshFile()
  // A limit on the size of files, whose signal is ignored: the write itself then fails, as on a full disk.
  const script = join(import.meta.dirname, 'full-disk-child.mjs')
  const command = `trap '' XFSZ; ulimit -f 4096; exec "$0" "$1" "$2"`
  const full = spawn('sh', ['-c', command, process.execPath, script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told = JSON.parse(await text(full.stdout)) as {
    failed: string
    later: string
    follower: string
    acknowledged: number
    readable: number[]
    events: EventData[]
  }
  expect(told).toMatchObject({ failed: 'LogInDoubt', later: 'LogUnavailable', follower: 'LogUnavailable' })
  expect(told.acknowledged).toBeGreaterThan(10)
  expect(told.readable).toEqual([told.acknowledged])

  const log = await open(file)
  const settled = await log.append('full', BigInt(told.acknowledged), told.events)
  expect(settled.revision).toBe(BigInt(told.acknowledged) + 1n)
  expect((await collect(log.readStream('full'))).map(numberOf)).toEqual(range(0, told.acknowledged + 2))
  expect(await collect(log.readStream('other'))).toEqual([])
  await log.close()
})
