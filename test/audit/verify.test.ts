// What is altered behind the service's back is named, each by its place; what is not agrees.
import { join } from 'node:path'
import { type Checkpoint, signCheckpoint, timestamp } from '@assistant-ledger/assistant'
import { type Difference, verify } from '@assistant-ledger/audit'
import { openEmbeddedLog, openLogForReading } from '@assistant-ledger/event-log'
import { TABLE_KEYS, type TableName } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { Installation, signingKey } from './installation.js'
import { beginLog, scratch } from './moves.js'
import { LEDGER, LogFile, streamOf } from './tampering.js'

jest.setTimeout(60_000)

let made: Installation
let ids: string[]
let report: Awaited<ReturnType<Installation['verify']>>
beforeAll(async () => {
  made = await Installation.begin()
  ids = await made.liveThrough()
  const last = await made.create({ name: 'Last' })
  await made.change(last, { name: 'The last' })
  ids.push(last)
  await made.settled()
  report = await made.verify({ bus: { connection: made.connection } })
  await made.stop()
})
afterAll(() => made?.end())

const of = (part: string, differences: readonly Difference[]) =>
  differences.filter((one) => one.part === part)

test('what the service made agrees, while it runs', () => {
  expect(report).toMatchObject({ agrees: true, differences: [], notes: [] })
  const checked = Object.fromEntries(report.parts.map((part) => [part.part, part.checked]))
  expect(checked.log).toBeGreaterThan(20)
  expect(checked.checkpoints).toBeGreaterThan(3)
  expect(checked['read-model']).toBeGreaterThan(100)
  expect([checked.bucket, checked.feed]).toEqual([9, 27])
})

test('a key that nobody said to trust is named', async () => {
  const { differences } = await made.verify({ trusted: [signingKey().publicKey] })
  expect(differences).toEqual([
    expect.objectContaining({ part: 'checkpoints', what: expect.stringContaining(made.signing.fingerprint) }),
  ])
})

describe('in the log', () => {
  async function proved(tamper: (log: LogFile) => void) {
    const directory = await made.copy()
    const log = new LogFile(directory)
    try {
      tamper(log)
      return await made.verify({ directory })
    } finally {
      log.close()
    }
  }
  const tampered = async (tamper: (log: LogFile) => void) => (await proved(tamper)).differences

  /** The first checkpoint that covers an event. */
  async function checkpointOver(stream: string, revision: number): Promise<number> {
    const log = new LogFile(await made.copy())
    const found = log.checkpointOver(log.at(stream, revision).position)
    log.close()
    return found
  }

  test('altered data', async () => {
    const stream = streamOf(ids[1] as string)
    const found = await tampered((log) => log.replace(stream, 1, 'data', /better/, 'worse'))
    expect(found[0]).toMatchObject({
      part: 'log',
      stream,
      revision: 1,
      what: expect.stringContaining('data'),
    })
    expect(of('log', found)).toHaveLength(1)
    expect(of('read-model', found).map(({ table, stream }) => [table, stream])).toContainEqual([
      'versions',
      stream,
    ])
  })

  test.each([
    ['its actor', /"tester"/, '"somebody"'],
    ['its time', /"at":"2\d/, '"at":"19'],
    ['its link', /"previousHash":"./, '"previousHash":"g'],
  ])('altered metadata: %s', async (_, from, to) => {
    const stream = streamOf(ids[2] as string)
    const found = await tampered((log) => log.replace(stream, 1, 'metadata', from, to))
    expect(found[0]).toMatchObject({
      part: 'log',
      stream,
      revision: 1,
      what: expect.stringContaining('metadata'),
    })
    expect(of('log', found)).toHaveLength(1)
  })

  test('another id', async () => {
    const stream = streamOf(ids[0] as string)
    const found = await tampered((log) => log.replace(stream, 0, 'id', /^./, 'g'))
    expect(found[0]).toMatchObject({ part: 'log', stream, revision: 0, what: expect.stringContaining('id') })
  })

  test('an event taken out of the middle', async () => {
    const stream = streamOf(ids[1] as string)
    const { differences: found, notes } = await proved((log) => log.remove(stream, 1))
    expect(found[0]).toMatchObject({
      part: 'log',
      stream,
      revision: 2,
      what: expect.stringContaining('revision 1 is missing'),
    })
    // Once: what was signed later is judged by what comes after this one.
    expect(of('checkpoints', found)).toEqual([
      expect.objectContaining({
        revision: await checkpointOver(stream, 1),
        what: expect.stringContaining('1 event less'),
      }),
    ])
    // The rest of the log is folded, and compared.
    expect(notes).toEqual([])
    expect([...new Set(of('read-model', found).map(({ stream }) => stream))]).toEqual([stream])
  })

  test('an event put in, rightly sealed', async () => {
    const stream = streamOf(ids[4] as string)
    let at = 0
    const found = await tampered((log) => {
      at = log.insert(stream, 'VersionPromoted', { version: 1, replaces: 2, environment: 'live', salt: 's' })
    })
    expect(at).toBeGreaterThan(0)
    expect(of('log', found)).toEqual([])
    expect(of('checkpoints', found)[0]).toMatchObject({
      stream: LEDGER,
      what: expect.stringContaining('is not the one that was signed'),
    })
    // What was projected ends where the log ended before.
    expect(of('read-model', found)).toEqual([expect.objectContaining({ table: 'checkpoint' })])
  })

  test('an event put in that cannot follow', async () => {
    const stream = streamOf(ids[4] as string)
    const found = await tampered((log) =>
      log.insert(stream, 'ConfigChanged', { version: 7, content: {}, salt: 's' }),
    )
    expect(found[0]).toMatchObject({ part: 'log', stream, what: 'its version 7 is not the next' })
  })

  test('events of two streams that changed places', async () => {
    const [first, second] = [streamOf(ids[4] as string), streamOf(ids[5] as string)]
    const over = await checkpointOver(first, 2)
    const found = await tampered((log) => log.swap(log.at(first, 2).position, log.at(second, 0).position))
    expect(of('log', found)).toEqual([])
    expect(found[0]).toMatchObject({
      part: 'checkpoints',
      stream: LEDGER,
      revision: over,
      what: expect.stringContaining('changed places'),
    })
  })

  test('events of one stream that changed places', async () => {
    const stream = streamOf(ids[4] as string)
    const found = await tampered((log) => log.swap(log.at(stream, 1).position, log.at(stream, 2).position))
    expect(found[0]).toMatchObject({ part: 'log', stream, revision: 2 })
    expect(found[1]).toMatchObject({
      part: 'log',
      stream,
      revision: 1,
      what: expect.stringContaining('out of order'),
    })
  })

  test('an end that was cut off, checkpoints and all', async () => {
    const stream = streamOf(ids.at(-1) as string)
    const held = made.signer.last
    const directory = await made.copy()
    const log = new LogFile(directory)
    log.cutAfter(log.at(stream, 0).position - 1)
    log.close()
    const cut = await made.verify({ directory })
    expect(cut.differences[0]).toMatchObject({
      part: 'read-model',
      table: 'checkpoint',
      what: expect.stringContaining('cut off'),
    })
    // A runner knows it, without the read model.
    const said = setInterval(() => present(held), 50)
    const heard = await made
      .verify({ directory, bus: { connection: made.connection }, runners_ms: 500 })
      .finally(() => clearInterval(said))
    expect(of('runners', heard.differences)[0]).toMatchObject({
      runner: 'witness',
      position: held?.position,
      what: expect.stringMatching(/signed by a trusted key.*cut off/),
    })
  })

  test('a stream that is gone', async () => {
    const stream = streamOf(ids[3] as string)
    const over = await checkpointOver(stream, 0)
    const found = await tampered((log) => log.removeStream(stream))
    expect(of('log', found)).toEqual([])
    expect(found[0]).toMatchObject({
      part: 'checkpoints',
      revision: over,
      what: expect.stringContaining('less'),
    })
    expect(of('read-model', found)[0]).toMatchObject({ table: 'assistants', stream })
  })

  test('a history that was rewritten, every hash with it', async () => {
    const stream = streamOf(ids[1] as string)
    const over = await checkpointOver(stream, 1)
    const found = await tampered((log) =>
      log.rewrite(stream, 1, (data: { content: object }) => ({
        ...data,
        content: { ...data.content, name: 'Other' },
      })),
    )
    expect(of('log', found)).toEqual([])
    expect(found[0]).toMatchObject({
      part: 'checkpoints',
      revision: over,
      what: expect.stringContaining('altered or changed places'),
    })
    expect(of('read-model', found).map(({ table, stream }) => [table, stream])).toContainEqual([
      'versions',
      stream,
    ])
  })

  test('the same, and every checkpoint signed anew with another key', async () => {
    const stream = streamOf(ids[1] as string)
    const other = signingKey()
    const found = await tampered((log) => {
      log.rewrite(stream, 1, (data: { content: object }) => ({
        ...data,
        content: { ...data.content, name: 'Other' },
      }))
      log.signAnew(other.key)
    })
    expect(of('log', found)).toEqual([])
    expect(of('checkpoints', found)).toEqual([
      expect.objectContaining({ stream: LEDGER, what: expect.stringContaining(other.fingerprint) }),
    ])
  })

  test('the newest checkpoints cut off, so that none covers what follows', async () => {
    const later = new Date(Date.now() + 5 * 60_000).toISOString().replace('Z', '000+00:00')
    const note = { verb: 'update', salt: 's' }
    const found = await tampered((log) => {
      for (const { revision, type } of log.events(LEDGER).toReversed())
        if (type === 'CheckpointSigned' && revision > 2) log.remove(LEDGER, revision)
      log.insert(streamOf(ids[4] as string), 'CommandNoted', note, later)
    })
    expect(of('checkpoints', found)).toEqual([
      expect.objectContaining({ stream: LEDGER, what: expect.stringContaining('none covers the newest') }),
    ])
  })

  test('an event rewritten and sealed, and those after it as they were', async () => {
    const stream = streamOf(ids[0] as string)
    const found = await tampered((log) => {
      const later = log.events(stream).slice(2)
      log.rewrite(stream, 1, (data: object) => ({ ...data, salt: 'another' }))
      const back = log.database.prepare('update events set id = ?, metadata = ? where position = ?')
      for (const { id, metadata, position } of later) back.run(id, metadata, position)
    })
    expect(of('log', found)).toEqual([
      expect.objectContaining({ stream, revision: 2, what: expect.stringContaining('previousHash') }),
    ])
  })

  test('a time that runs backwards', async () => {
    const stream = streamOf(ids[4] as string)
    const note = { verb: 'update', salt: 's' }
    const found = await tampered((log) =>
      log.insert(stream, 'CommandNoted', note, '2020-01-02T03:04:05.000006+00:00'),
    )
    expect(found[0]).toMatchObject({ part: 'log', stream, what: expect.stringContaining('before that of') })
  })

  test('a checkpoint of another log, and one that stands twice, by somebody who has the key', async () => {
    const found = await tampered((log) =>
      log.rewrite(LEDGER, 2, (data: Checkpoint) => {
        const { position, count, hash, epoch } = data
        const rolling = { position: BigInt(position), count, hash }
        return { ...data, ...signCheckpoint(rolling, { log_id: 'another', epoch }, made.signing.key) }
      }),
    )
    expect(of('checkpoints', found)[0]).toMatchObject({
      revision: 2,
      what: 'it is of the log another, which is another one',
    })
    const twice = await tampered((log) => {
      const last = log.events(LEDGER).findLast(({ type }) => type === 'CheckpointSigned')
      log.insert(LEDGER, 'CheckpointSigned', JSON.parse(last?.data ?? ''))
    })
    expect(of('checkpoints', twice)[0]).toMatchObject({
      stream: LEDGER,
      what: 'it does not cover more than the one before it',
    })
  })

  test.each([
    ['itself', 0],
    ['what came after it', 1],
  ])('a checkpoint that covers %s, by somebody who has the key', async (_, beyond) => {
    let revision = 0
    const found = await tampered((log) => {
      const last = log.events(LEDGER).findLast(({ type }) => type === 'CheckpointSigned')
      revision = last?.revision as number
      log.rewrite(LEDGER, revision, ({ count, hash, log_id, epoch, ...rest }: Checkpoint) => {
        const rolling = { position: BigInt((last?.position as number) + beyond), count, hash }
        return { ...rest, ...signCheckpoint(rolling, { log_id, epoch }, made.signing.key) }
      })
    })
    expect(of('checkpoints', found)).toEqual([
      expect.objectContaining({ revision, what: 'it covers itself, or what came after it' }),
    ])
  })

  test('all of it', async () => {
    const found = await tampered((log) => log.database.exec('delete from events'))
    expect(found[0]).toMatchObject({
      part: 'log',
      stream: LEDGER,
      what: expect.stringContaining('no event of project default'),
    })
  })

  test('a signature that is not of the key that it names', async () => {
    const found = await tampered((log) =>
      log.rewrite(LEDGER, 2, (data: { signature: string }) => ({ ...data, signature: 'A'.repeat(86) })),
    )
    expect(of('checkpoints', found)[0]).toMatchObject({
      stream: LEDGER,
      revision: 2,
      what: expect.stringContaining('did not sign it'),
    })
  })
})

/** What a runner that holds a checkpoint says of itself. */
function present(checkpoint: unknown, name = 'witness'): void {
  const body = { v: 1, name, instance: `${name}-1`, checkpoint }
  made.connection.publish(`assistants.v1.default.runners.${name}`, JSON.stringify(body))
}

describe('a log that never had a checkpoint', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterAll(() => Promise.all(ends.map((end) => end())))

  test.each([
    ['of some seconds', 5_000, []],
    ['of minutes', 300_000, [expect.objectContaining({ part: 'checkpoints', stream: LEDGER })]],
  ])('%s', async (_, age_ms, expected) => {
    const directory = await scratch(ends)
    const log = await openEmbeddedLog({ file: join(directory, 'log.db') })
    await beginLog(log, 'a-log', timestamp(Date.now() - age_ms))
    await log.close()
    const reading = await openLogForReading({ dataDir: directory })
    const report = await verify({ log: reading, trusted: [], signal: AbortSignal.timeout(60_000) })
    await reading.close()
    expect(report.differences).toEqual(expected)
  })
})

test('a runner that holds what the log has agrees, one that holds another checkpoint of that position not', async () => {
  const other = { ...made.signer.last, hash: 'f'.repeat(64) }
  const said = setInterval(() => {
    present(made.signer.last)
    present(other, 'other')
  }, 50)
  const heard = await made
    .verify({ bus: { connection: made.connection }, runners_ms: 500 })
    .finally(() => clearInterval(said))
  expect(heard.differences).toEqual([
    expect.objectContaining({ runner: 'other', what: expect.stringMatching(/another one there.*rewritten/) }),
  ])
  expect(heard.parts.at(-1)).toMatchObject({ part: 'runners', checked: 2 })
})

test('where runners were asked for and none is heard, nobody vouches for the log', async () => {
  const { differences } = await made.verify({
    bus: { connection: made.connection },
    stored: false,
    runners_ms: 50,
  })
  expect(of('runners', differences)).toEqual([
    expect.objectContaining({ what: expect.stringContaining('none was heard') }),
  ])
})

test('what was imported names another log, and a runner that holds what was signed before agrees', async () => {
  const directory = await made.copy()
  const log = new LogFile(directory)
  log.insert(LEDGER, 'EventsImported', { log_id: 'another', epoch: 1, events: 1, written: 1, chain: '' })
  log.close()
  const said = setInterval(() => present(made.signer.last), 50)
  const heard = await made
    .verify({ directory, bus: { connection: made.connection }, stored: false, runners_ms: 500 })
    .finally(() => clearInterval(said))
  expect(of('runners', heard.differences)).toEqual([])
  expect(heard.parts.at(-1)).toMatchObject({ part: 'runners', checked: 1 })
})

describe('in the read model', () => {
  test.each(Object.keys(TABLE_KEYS) as TableName[])('a row of %s', async (table) => {
    const directory = await made.copy()
    const database = new Database(join(directory, 'read-model.db'))
    const rows = database
      .prepare(`select * from ${table} order by ${TABLE_KEYS[table].join(', ')}`)
      .all() as object[]
    const key = TABLE_KEYS[table] as readonly string[]
    const column = Object.keys(rows[0] ?? {}).find((name) => !key.includes(name) && table !== 'checkpoint')
    if (rows.length === 0) {
      // Nothing of the kind happened: a row that nobody made.
      const columns = database
        .prepare(`select name from pragma_table_info('${table}')`)
        .pluck()
        .all() as string[]
      database.prepare(`insert into ${table} values (${columns.map(() => '0').join()})`).run()
    } else if (table === 'checkpoint') database.prepare('update checkpoint set epoch = epoch + 1').run()
    else if (column)
      database
        .prepare(
          `update ${table} set ${column} = 7 where rowid_of = 0`.replace(
            ' where rowid_of = 0',
            whereOf(key, rows[0] as never),
          ),
        )
        .run()
    else database.prepare(`delete from ${table}${whereOf(key, rows[0] as never)}`).run()
    database.close()
    const { differences } = await made.verify({ directory })
    expect(differences).toHaveLength(1)
    expect(differences[0]).toMatchObject({
      part: 'read-model',
      table,
      key: expect.stringContaining(`${key[0]}=`),
    })
  })
})

describe('in the terms of searches', () => {
  test.each([
    [
      'one more',
      "insert into search_terms select 'gother', created_us, assistant_no from search_terms limit 1",
      1,
    ],
    ['one of another time', "update search_terms set created_us = created_us + 1 where term = 'geditor'", 2],
    [
      'one of another kind of number',
      "update search_terms set assistant_no = x'33' where term = 'geditor'",
      1,
    ],
  ])('%s', async (_, sql, expected) => {
    const directory = await made.copy()
    const database = new Database(join(directory, 'read-model.db'))
    database.exec(sql)
    database.close()
    const { differences } = await made.verify({ directory })
    expect(differences.map(({ part, table }) => [part, table])).toEqual(
      Array(expected).fill(['read-model', 'search_terms']),
    )
  })
})

const whereOf = (key: readonly string[], row: Record<string, unknown>): string =>
  ` where ${key.map((name) => `${name} = ${typeof row[name] === 'number' ? row[name] : `'${row[name]}'`}`).join(' and ')}`
