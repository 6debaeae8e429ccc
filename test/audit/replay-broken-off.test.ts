// A replay on the files of an installation that does not run, broken off in the middle in every way there is: what serves is
// as it was, and the next one goes on.
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { generateLog } from '../bench/generate.js'
import { type Command, commandFor, hasTerminal, withoutEscapes } from '../cli/assistants.js'
import { until } from '../faults/until.js'
import { cli, PROJECT, scratch, startCli } from './moves.js'

jest.setTimeout(120_000)

/** Enough that a replay is under way for a while. */
const POPULATION = { assistants: 8_000, versions: 1 }

const ends: (() => Promise<unknown>)[] = []
let command: Command
let dataDir: string
/** The same, not touched by any test. */
let whole: string
let live: string
let rebuilt: string
let events: number

beforeAll(async () => {
  const dir = await scratch(ends)
  whole = join(dir, 'whole')
  dataDir = join(dir, 'data')
  await mkdir(whole)
  events = await generateLog(join(whole, 'log.db'), PROJECT, POPULATION)
  live = join(dataDir, 'read-model.db')
  rebuilt = `${live}.rebuilt`
  command = await commandFor('http://127.0.0.1:1')
  ends.push(() => command.remove())
  const made = await cli(['replay', '--to', 'read-model', '--offline', '--data-dir', whole])
  if (made.code !== 0) throw new Error(made.err)
})
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})
beforeEach(async () => {
  await rm(dataDir, { recursive: true, force: true })
  await cp(whole, dataDir, { recursive: true })
  // What serves is told from what is made again by what should not be in it.
  const db = new Database(live)
  db.exec("update assistants set name_folded = 'nobody' where assistant_no = 1")
  db.close()
})

const args = (...more: string[]) => [
  'replay',
  '--to',
  'read-model',
  '--offline',
  '--data-dir',
  dataDir,
  ...more,
]
const linesIn = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

function valueIn(file: string, sql: string): unknown {
  const db = new Database(file, { readonly: true, timeout: 5_000 })
  try {
    return db.prepare(sql).pluck().get()
  } finally {
    db.close()
  }
}
const firstName = () => valueIn(live, 'select name_folded from assistants where assistant_no = 1')
const positionOf = (file: string) => Number(valueIn(file, 'select position from checkpoint'))

/** Waits until some of it is made, and not all. */
async function underWay(): Promise<number> {
  const some = (position: number) => position > 0 && position < events
  const { answer } = await until('a replay under way', 30_000, () => positionOf(rebuilt), some)
  return answer
}

/** The next one, which gets to the end. */
async function again() {
  const { code, out, err } = await cli(args('--json'))
  expect([code, err]).toEqual([0, ''])
  const lines = linesIn(out)
  expect(lines.at(-1)).toEqual({ step: 'switched', position: String(events) })
  expect(firstName()).toBe('assistant 0')
  expect(existsSync(rebuilt)).toBe(false)
  return lines
}

test('broken off by a signal it goes on from there, and projects nothing twice', async () => {
  const replaying = startCli(args('--json'))
  const reached = await underWay()
  replaying.child.kill('SIGINT')
  const { code, err } = await replaying.ended
  expect(code).toBe(130)
  expect(err).toContain('the read model that serves is as it was; run it again to go on')
  expect(firstName()).toBe('nobody')
  const kept = positionOf(rebuilt)
  expect(kept).toBeGreaterThanOrEqual(reached)
  expect(kept).toBeLessThan(events)

  const dry = linesIn((await cli(args('--json', '--dry-run'))).out)
  expect(dry).toEqual([{ step: 'plan', live: String(events), head: String(events), begun: String(kept) }])
  const lines = await again()
  expect(lines[0]).toMatchObject({ step: 'plan', begun: String(kept) })
  for (const { step, events: projected } of lines)
    if (step === 'rebuilding') expect(projected).toBeLessThanOrEqual(events - kept)
})

test('killed in the middle it leaves what serves as it was, and the next one begins anew', async () => {
  const replaying = startCli(args())
  await underWay()
  replaying.child.kill('SIGKILL')
  expect((await replaying.ended).code).toBe(null)
  expect(firstName()).toBe('nobody')
  const [plan] = await again()
  expect(plan).toMatchObject({ begun: '0' })
})

const onTerminal = hasTerminal ? test : test.skip
onTerminal('Ctrl-C typed in a terminal breaks it off', async () => {
  const typed = async () => {
    await underWay()
    return '\u0003'
  }
  const { code, stdout } = await command.terminal(args(), { answers: [[/made again from the start/, typed]] })
  expect(code).toBe(130)
  expect(withoutEscapes(stdout)).toContain('broken off: the read model that serves is as it was')
  expect(firstName()).toBe('nobody')
  // At once, not at the end.
  expect(positionOf(rebuilt)).toBeLessThan(events)
  const [plan] = await again()
  expect(Number(plan.begun)).toBeGreaterThan(0)
})

test('a dry run changes no file and makes none', async () => {
  const filesNow = async () => {
    const names = (await readdir(dataDir)).filter((name) => !/-(wal|shm|journal)$/.test(name)).sort()
    return Promise.all(names.map(async (name) => [name, await readFile(join(dataDir, name), 'base64')]))
  }
  const before = await filesNow()
  expect((await cli(args('--dry-run'))).out).toContain('would be made again from the start beside it')
  expect(await filesNow()).toEqual(before)

  await rm(live)
  const without = linesIn((await cli(args('--dry-run', '--json'))).out)
  expect(without).toEqual([{ step: 'plan', live: '0', head: String(events), begun: '0' }])
  expect(existsSync(live)).toBe(false)
})
