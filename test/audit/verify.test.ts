// What is altered behind the service's back is named, each by its place; what is not agrees.
import { join } from 'node:path'
import type { Difference } from '@assistant-ledger/audit'
import { TABLE_KEYS, type TableName } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { Installation, signingKey } from './installation.js'
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
  async function tampered(tamper: (log: LogFile) => void) {
    const directory = await made.copy()
    const log = new LogFile(directory)
    try {
      tamper(log)
      return (await made.verify({ directory })).differences
    } finally {
      log.close()
    }
  }

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
    const found = await tampered((log) => log.remove(stream, 1))
    expect(found[0]).toMatchObject({
      part: 'log',
      stream,
      revision: 2,
      what: expect.stringContaining('revision 1 is missing'),
    })
    expect(of('checkpoints', found)[0]).toMatchObject({
      revision: await checkpointOver(stream, 1),
      what: expect.stringContaining('1 event less'),
    })
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
function present(checkpoint: unknown): void {
  const body = { v: 1, name: 'witness', instance: '1b4e28ba-2fa1-41d2-883f-0016d3cca427', checkpoint }
  made.connection.publish('assistants.v1.default.runners.witness', JSON.stringify(body))
}

test('a runner that holds what the log has agrees', async () => {
  const said = setInterval(() => present(made.signer.last), 50)
  const heard = await made
    .verify({ bus: { connection: made.connection }, runners_ms: 500 })
    .finally(() => clearInterval(said))
  expect(heard.differences).toEqual([])
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

const whereOf = (key: readonly string[], row: Record<string, unknown>): string =>
  ` where ${key.map((name) => `${name} = ${typeof row[name] === 'number' ? row[name] : `'${row[name]}'`}`).join(' and ')}`
