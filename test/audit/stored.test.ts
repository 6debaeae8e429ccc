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
beforeAll(async () => {
  made = await Installation.begin()
  ids = await made.liveThrough()
  await made.stop()
})
afterAll(() => made?.end())

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
  const keyOf = (id: string, graph = 'writer') => `live.${graph}.${id}`
  const change = (key: string, edit: (value: Record<string, unknown>) => object | undefined) =>
    remade(BUCKET, (message) => {
      if (!message.subject.endsWith(key)) return message
      const edited = edit(JSON.parse(message.body))
      return edited && { ...message, body: JSON.stringify(edited) }
    })

  test.each([
    [
      'a value',
      () => keyOf(ids[0] as string),
      (value: { content?: object }) => ({ ...value, content: { ...value.content, name: 'Other' } }),
    ],
    ['a tombstone', () => keyOf(ids[2] as string), (value: object) => ({ ...value, to: 'elsewhere' })],
    ['an older revision', () => keyOf(ids[1] as string), (value: object) => ({ ...value, revision: 1 })],
    ['a missing key', () => keyOf(ids[5] as string), () => undefined],
  ])('%s', async (_, key, edit) => {
    const back = await change(key(), edit as never)
    const found = await differences()
    await back()
    expect(found[0]).toMatchObject({ part: 'bucket', key: key() })
  })

  test('a key that the log does not know', async () => {
    const key = `live.writer.${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`
    const back = await remade(BUCKET, (message) => message)
    await jetstream(made.connection).publish(`$KV.assistant_configs_${PROJECT}.${key}`, '{"v":1}')
    const found = await differences()
    await back()
    expect(found[0]).toMatchObject({ part: 'bucket', key })
  })

  test('a watermark', async () => {
    const back = await change('live.writer._watermark', (mark) => ({ ...mark, count: 1 }))
    const found = await differences()
    await back()
    expect(found).toEqual([expect.objectContaining({ part: 'bucket', key: 'live.writer._watermark' })])
  })
})

describe('in the feed', () => {
  const isOf = (message: Message, id: string, revision: number) =>
    message.subject.endsWith(id) &&
    message.headers.some(([name, value]) => name === 'Ledger-Revision' && value === String(revision))

  test.each([
    [
      'another body',
      (message: Message) => ({ ...message, body: message.body.replace('better', 'worse') }),
      'body',
    ],
    [
      'another header',
      (message: Message) => withHeader(message, 'Ledger-Hash', 'f'.repeat(64)),
      'Ledger-Hash',
    ],
    [
      'another subject',
      (message: Message) => ({ ...message, subject: message.subject.replace(/.$/, 'x') }),
      'subject',
    ],
    ['no message', () => undefined, 'missing'],
  ])('%s', async (_, edit, what) => {
    const id = ids[4] as string
    const back = await remade(FEED, (message) => (isOf(message, id, 1) ? edit(message) : message))
    const found = await differences()
    await back()
    expect(found).toEqual([
      expect.objectContaining({
        part: 'feed',
        stream: streamOf(id),
        revision: 1,
        what: expect.stringContaining(what),
      }),
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
