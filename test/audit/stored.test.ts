// What somebody with access to NATS could do to what is stored there: each is named by its key, or by the event.
import { ensureAssets } from '@assistant-ledger/change-feed'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { Installation, PROJECT } from './installation.js'
import { streamOf } from './tampering.js'

jest.setTimeout(60_000)

const FEED = `ASSISTANT_EVENTS_${PROJECT}`
const BUCKET = `KV_assistant_configs_${PROJECT}`

let made: Installation
let ids: string[]
/** Of an assistant whose only event is older than what the feed keeps. */
let old: string
beforeAll(async () => {
  made = await Installation.begin()
  ids = await made.liveThrough()
  old = await made.createLongAgo(ids[0] as string)
  await made.settled()
  await made.stop()
})
afterAll(() => made?.end())

const logId = () => made.signer.last?.log_id

const differences = async () => (await made.verify({ bus: { connection: made.connection } })).differences

/** A stream made anew, of what another one had: each message as it is changed, or left out. */
async function remade(
  stream: string,
  change: (message: Message, index: number) => Message | undefined,
): Promise<() => Promise<void>> {
  const { streams } = await jetstreamManager(made.connection)
  const before: Message[] = []
  const { state } = await streams.info(stream)
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const found = await streams.getMessage(stream, { seq })
    if (found) before.push(messageOf(found))
  }
  const fill = async (messages: readonly (Message | undefined)[]) => {
    await streams.delete(stream)
    await ensureAssets(made.connection, PROJECT)
    const client = jetstream(made.connection)
    for (const message of messages) {
      if (!message) continue
      const all = headers()
      for (const [name, value] of message.headers) all.set(name, value)
      await client.publish(message.subject, message.body, { headers: all })
    }
  }
  await fill(before.map(change))
  return () => fill(before)
}

interface Message {
  readonly subject: string
  readonly body: string
  readonly headers: readonly (readonly [string, string])[]
}

const EXPECTED = /^Nats-Expected-/

const messageOf = (message: StoredMsg): Message => ({
  subject: message.subject,
  body: message.string(),
  headers: [...message.header].flatMap(([name, [value = '']]) =>
    EXPECTED.test(name) ? [] : [[name, value] as const],
  ),
})

const withHeader = (message: Message, name: string, value: string): Message => ({
  ...message,
  headers: message.headers.map(([header, old]) => [header, header === name ? value : old]),
})

describe('in the bucket', () => {
  const keyOf = (id: string) => `live.writer.${id}`
  const keyIn = ({ subject }: Message) => subject.slice(`$KV.assistant_configs_${PROJECT}.`.length)
  type Value = Record<string, unknown>
  /** Other values for some keys, or none. */
  const changed = (edits: readonly (readonly [string, (value: Value) => object | undefined])[]) =>
    remade(BUCKET, (message) => {
      const [, edit] = edits.find(([key]) => key === keyIn(message)) ?? []
      if (!edit) return message
      const edited = edit(JSON.parse(message.body))
      return edited && { ...message, body: JSON.stringify(edited) }
    })

  test('a value, a tombstone, an older revision and a missing key', async () => {
    const [value, older, tombstone, missing] = [0, 1, 2, 5].map((n) => keyOf(ids[n] as string)) as [
      string,
      string,
      string,
      string,
    ]
    const back = await changed([
      [value, (of: Value) => ({ ...of, content: { ...(of.content as object), name: 'Other' } })],
      [tombstone, (of: Value) => ({ ...of, to: 'elsewhere' })],
      [older, (of: Value) => ({ ...of, revision: 1 })],
      [missing, () => undefined],
    ])
    const found = await differences()
    await back()
    const expected = [
      [value, 'its value is not what the log gives at this revision'],
      [tombstone, 'its value is not what the log gives at this revision'],
      [older, expect.stringContaining('it is at revision 1 in epoch 1, and the log gives revision')],
      [missing, 'it is missing'],
      ['live.writer._watermark', expect.stringContaining('its count is')],
    ]
    expect(found.map(({ key, what }) => [key, what])).toEqual(expect.arrayContaining(expected))
    expect(found).toHaveLength(expected.length)
  })

  test('keys that the log does not know: there, buried in another epoch or log, and buried in this one', async () => {
    const back = await remade(BUCKET, (message) => message)
    const buried = { log_id: logId(), epoch: 1, revision: 0, state: 'deleted', generation: 0 }
    const bodies = [{ v: 1 }, { ...buried, epoch: 2 }, { ...buried, log_id: 'another' }, buried]
    const keys = bodies.map((_, n) => `live.writer.${'0'.repeat(8)}-0000-4000-8000-${`${n}`.repeat(12)}`)
    for (const [n, key] of keys.entries())
      await jetstream(made.connection).publish(
        `$KV.assistant_configs_${PROJECT}.${key}`,
        JSON.stringify(bodies[n]),
      )
    const found = await differences()
    await back()
    expect(found.map(({ part, key, what }) => [part, key, what])).toEqual([
      ['bucket', keys[0], expect.stringContaining('the log knows no such key')],
      ['bucket', keys[1], expect.stringContaining('epoch 2')],
      ['bucket', keys[2], expect.stringContaining('log another')],
      // Four keys more than it counts.
      ['bucket', 'live.writer._watermark', expect.stringContaining('its count is')],
    ])
  })

  test('all that another log published is one difference', async () => {
    const back = await changed([['_publisher', (mark: Value) => ({ ...mark, log_id: 'another' })]])
    const found = await differences()
    await back()
    expect(found).toEqual([
      expect.objectContaining({
        part: 'bucket',
        key: '_publisher',
        what: expect.stringContaining(`this NATS has the log another, and this is ${logId()}`),
      }),
    ])
  })

  test('watermarks of another log, of another epoch, with a checkpoint that the log has not, of other keys', async () => {
    const back = await changed([
      ['live.writer._watermark', (mark: Value) => ({ ...mark, log_id: 'another' })],
      ['live.editor._watermark', (mark: Value) => ({ ...mark, epoch: 2, checkpoint: { position: 'none' } })],
      [
        'staging.writer._watermark',
        (mark: Value) => ({ ...mark, count: 7, checkpoint: { ...made.signer.last, hash: 'f'.repeat(64) } }),
      ],
    ])
    const found = await differences()
    await back()
    const expected = [
      ['live.writer._watermark', 'it is of log another, epoch 1'],
      ['live.editor._watermark', `it is of log ${logId()}, epoch 2`],
      ['live.editor._watermark', 'its checkpoint cannot be read'],
      ['staging.writer._watermark', expect.stringContaining('the log has another one there')],
      ['staging.writer._watermark', expect.stringContaining('its count is 7 and')],
    ]
    expect(found.map(({ key, what }) => [key, what])).toEqual(expect.arrayContaining(expected))
    expect(found).toHaveLength(expected.length)
  })
})

describe('in the feed', () => {
  const isOf = (message: Message, id: string, revision: number) =>
    message.subject.endsWith(id) &&
    message.headers.some(([name, value]) => name === 'Ledger-Revision' && value === String(revision))

  test('another body, another header and another subject', async () => {
    const edits: [id: string, edit: (message: Message) => Message, what: string][] = [
      [
        ids[1] as string,
        (message) => ({ ...message, body: message.body.replace('better', 'worse') }),
        'body',
      ],
      [ids[4] as string, (message) => withHeader(message, 'Ledger-Hash', 'f'.repeat(64)), 'Ledger-Hash'],
      [
        ids[5] as string,
        (message) => ({ ...message, subject: message.subject.replace(/.$/, 'x') }),
        'subject',
      ],
    ]
    const back = await remade(FEED, (message) => {
      const [, edit] = edits.find(([id]) => isOf(message, id, 1)) ?? []
      return edit ? edit(message) : message
    })
    const found = await differences()
    await back()
    expect(found).toEqual(
      edits.map(([id, , what]) =>
        expect.objectContaining({
          part: 'feed',
          stream: streamOf(id),
          revision: 1,
          what: expect.stringContaining(what),
        }),
      ),
    )
  })

  test('messages that are missing, but for one that is older than what is kept', async () => {
    const [first, inside] = [ids[0] as string, ids[4] as string]
    const isGone = (message: Message) =>
      isOf(message, first, 0) || isOf(message, inside, 1) || isOf(message, old, 0)
    const back = await remade(FEED, (message) => (isGone(message) ? undefined : message))
    const found = await differences()
    await back()
    const missing = { part: 'feed', what: 'its message is missing' }
    expect(found).toEqual([
      expect.objectContaining({ ...missing, stream: streamOf(first), revision: 0 }),
      expect.objectContaining({ ...missing, stream: streamOf(inside), revision: 1 }),
    ])
  })

  test('a message that is none of the log', async () => {
    const back = await remade(FEED, (message) => message)
    const all = headers()
    all.set('Ledger-Position', '1')
    const subject = `assistants.v1.${PROJECT}.events.${ids[0]}`
    const { seq } = await jetstream(made.connection).publish(subject, '{}', { headers: all })
    const found = await differences()
    await back()
    expect(found).toEqual([expect.objectContaining({ part: 'feed', sequence: seq })])
  })

  test('and what was put back agrees', async () => {
    expect(await differences()).toEqual([])
  })
})
