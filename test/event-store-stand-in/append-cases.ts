// What appends and deletions answer, and what is left to be read. A letter is an event with an id of its own.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EventData, jsonEvent } from '@eventstore/db-client'
import { event, failure, freshStream, type Path, revisions, type Server } from './observe.js'

const LOOKS = 5
const LOOK_EVERY_MS = 50

type Expected = bigint | 'any' | 'no_stream' | 'stream_exists'

/** Events by their letters, with the revision that is expected; or another thing that is done to the stream. */
type Step =
  | readonly [letters: string, expected: Expected]
  | readonly ['delete' | 'tombstone', expected: bigint | 'any' | 'no_stream']
  | readonly ['metadata' | 'elsewhere', value: string]

interface AppendCase {
  readonly name: string
  readonly before: readonly Step[]
  readonly step: Step
  /** The revision of the last event, or how it failed. */
  readonly answer: string
  /** Whether the answer has a position, and it is the last event's. Absent: not looked at. */
  readonly position?: boolean
  readonly left: string
}

const AB: Step = ['ab', 'no_stream']
const ABC: Step = ['abc', 'no_stream']
const DELETED = [ABC, ['delete', 'any']] as const
const GONE = [ABC, ['tombstone', 'any']] as const
const at = (revision: bigint | 'no_stream' | -1n) => `wrong-expected-version, is at ${revision}`

export const APPEND_CASES: readonly AppendCase[] = [
  { name: 'a new stream', before: [], step: AB, answer: '1', position: true, left: '0 1' },
  { name: 'the right revision', before: [AB], step: ['c', 1n], answer: '2', position: true, left: '0 1 2' },
  { name: 'a newer revision', before: [AB], step: ['c', 2n], answer: at(1n), left: '0 1' },
  { name: 'an older revision', before: [AB], step: ['c', 0n], answer: at(1n), left: '0 1' },
  {
    name: 'no stream, and there is one',
    before: [AB],
    step: ['c', 'no_stream'],
    answer: at(1n),
    left: '0 1',
  },
  {
    name: 'a revision of no stream',
    before: [],
    step: ['c', 0n],
    answer: at('no_stream'),
    left: 'stream-not-found',
  },
  { name: 'any', before: [AB], step: ['c', 'any'], answer: '2', position: true, left: '0 1 2' },
  { name: 'a stream that exists', before: [AB], step: ['c', 'stream_exists'], answer: '2', left: '0 1 2' },
  {
    name: 'a stream that exists, and it does not',
    before: [],
    step: ['c', 'stream_exists'],
    answer: at('no_stream'),
    left: 'stream-not-found',
  },
  {
    name: 'a stream that exists as metadata only',
    before: [['metadata', '{"$maxCount":9}']],
    step: ['a', 'stream_exists'],
    answer: '0',
    left: '0',
  },

  { name: 'the same again', before: [AB], step: AB, answer: '1', position: true, left: '0 1' },
  { name: 'the same again, with more on top', before: [AB, ['c', 1n]], step: AB, answer: '1', left: '0 1 2' },
  {
    name: 'the same again at its revision',
    before: [AB, ['c', 1n]],
    step: ['c', 1n],
    answer: '2',
    left: '0 1 2',
  },
  { name: 'the first part of it again', before: [ABC], step: AB, answer: '1', position: true, left: '0 1 2' },
  { name: 'two appends as one', before: [AB, ['c', 1n]], step: ABC, answer: '2', left: '0 1 2' },
  { name: 'the same and one more', before: [AB], step: ABC, answer: at(1n), left: '0 1' },
  { name: 'another first event', before: [AB], step: ['cb', 'no_stream'], answer: at(1n), left: '0 1' },
  { name: 'another second event', before: [AB], step: ['ac', 'no_stream'], answer: at(1n), left: '0 1' },
  { name: 'the same at another revision', before: [ABC], step: ['c', 0n], answer: at(2n), left: '0 1 2' },
  { name: 'the same at the newest revision', before: [AB], step: ['ab', 1n], answer: '3', left: '0 1 2 3' },
  {
    name: 'the same again, any',
    before: [AB],
    step: ['ab', 'any'],
    answer: '1',
    position: true,
    left: '0 1',
  },
  { name: 'the same again, existing', before: [AB], step: ['ab', 'stream_exists'], answer: '1', left: '0 1' },
  { name: 'a part of it again, any', before: [ABC], step: ['ac', 'any'], answer: '2', left: '0 1 2' },
  { name: 'the same in another order, any', before: [AB], step: ['ba', 'any'], answer: '0', left: '0 1' },
  { name: 'one known, then a new one, any', before: [AB], step: ['ac', 'any'], answer: at(1n), left: '0 1' },
  {
    name: 'a new one, then a known one, any',
    before: [AB],
    step: ['ca', 'any'],
    answer: '3',
    left: '0 1 2 3',
  },
  {
    name: 'the ids of another stream, any',
    before: [['elsewhere', 'ab']],
    step: ['ab', 'any'],
    answer: '1',
    left: '0 1',
  },
  { name: 'one id twice', before: [], step: ['aa', 'no_stream'], answer: '1', left: '0 1' },
  {
    name: 'one id twice again',
    before: [['aa', 'no_stream']],
    step: ['aa', 'no_stream'],
    answer: '1',
    left: '0 1',
  },
  {
    name: 'one id twice again, any',
    before: [['aa', 'no_stream']],
    step: ['aa', 'any'],
    answer: '0',
    left: '0 1',
  },

  { name: 'no events, any', before: [AB], step: ['', 'any'], answer: '1', position: false, left: '0 1' },
  {
    name: 'no events, the right revision',
    before: [AB],
    step: ['', 1n],
    answer: '1',
    position: false,
    left: '0 1',
  },
  { name: 'no events, an older revision', before: [AB], step: ['', 0n], answer: at(1n), left: '0 1' },
  { name: 'no events, a newer revision', before: [AB], step: ['', 9n], answer: at(1n), left: '0 1' },

  { name: 'a deleted stream, no stream', before: DELETED, step: ['d', 'no_stream'], answer: '3', left: '3' },
  { name: 'a deleted stream, any', before: DELETED, step: ['de', 'any'], answer: '4', left: '3 4' },
  { name: 'a deleted stream, its revision', before: DELETED, step: ['d', 2n], answer: '3', left: '3' },
  {
    name: 'a deleted stream, an older revision',
    before: DELETED,
    step: ['d', 1n],
    answer: at(2n),
    left: 'stream-not-found',
  },
  {
    name: 'a deleted stream, existing',
    before: DELETED,
    step: ['d', 'stream_exists'],
    answer: 'stream-deleted',
    left: 'stream-not-found',
  },
  {
    name: 'the same again after a deletion',
    before: DELETED,
    step: ABC,
    answer: '2',
    position: false,
    left: 'stream-not-found',
  },
  {
    name: 'deleted twice',
    before: DELETED,
    step: ['delete', 2n],
    answer: 'deleted',
    left: 'stream-not-found',
  },
  {
    name: 'metadata for a deleted stream',
    before: DELETED,
    step: ['metadata', '{"$maxCount":5}'],
    answer: '1',
    left: '',
  },
  {
    name: 'truncated, and the same again',
    before: [ABC, ['metadata', '{"$tb":3}']],
    step: ABC,
    answer: '2',
    position: false,
    left: '',
  },
  {
    name: 'deleting no stream',
    before: [],
    step: ['delete', 'any'],
    answer: at(-1n),
    left: 'stream-not-found',
  },
  {
    name: 'deleting no stream, as such',
    before: [],
    step: ['delete', 'no_stream'],
    answer: at(-1n),
    left: 'stream-not-found',
  },
  {
    name: 'deleting metadata only',
    before: [['metadata', '{"$maxCount":5}']],
    step: ['delete', 'any'],
    answer: 'deleted',
    left: 'stream-not-found',
  },
  {
    name: 'deleting at an older revision',
    before: [ABC],
    step: ['delete', 1n],
    answer: at(2n),
    left: '0 1 2',
  },
  {
    name: 'deleting at its revision',
    before: [ABC],
    step: ['delete', 2n],
    answer: 'deleted',
    left: 'stream-not-found',
  },

  {
    name: 'a stream that is gone, any',
    before: GONE,
    step: ['d', 'any'],
    answer: 'stream-deleted',
    left: 'stream-deleted',
  },
  {
    name: 'a stream that is gone, its revision',
    before: GONE,
    step: ['d', 2n],
    answer: 'stream-deleted',
    left: 'stream-deleted',
  },
  {
    name: 'a stream that is gone, the same again',
    before: GONE,
    step: ABC,
    answer: 'stream-deleted',
    left: 'stream-deleted',
  },
  {
    name: 'a stream that is gone, metadata',
    before: GONE,
    step: ['metadata', '{"$maxCount":5}'],
    answer: 'stream-deleted',
    left: 'stream-deleted',
  },
  {
    name: 'a stream that is gone, deleted',
    before: GONE,
    step: ['delete', 'any'],
    answer: 'stream-deleted',
    left: 'stream-deleted',
  },
  {
    name: 'ending a stream at an older revision',
    before: [ABC],
    step: ['tombstone', 1n],
    answer: at(2n),
    left: '0 1 2',
  },
  {
    name: 'ending a deleted stream',
    before: DELETED,
    step: ['tombstone', 'any'],
    answer: 'deleted',
    left: 'stream-deleted',
  },
  {
    name: 'ending no stream',
    before: [],
    step: ['tombstone', 'any'],
    answer: 'deleted',
    left: 'stream-deleted',
  },
]

export async function seenAfter(server: Server, path: Path, { before, step }: AppendCase) {
  const stream = freshStream()
  const ids = new Map<string, string>()
  for (const one of before) await take(server, path, stream, one, ids)
  const { answer, position } = await take(server, path, stream, step, ids).catch((error) => ({
    answer: failure(error),
    position: undefined,
  }))
  const left = await leftIn(server, stream)
  return { answer, left, hasPosition: await hasPosition(server, stream, answer, position) }
}

/** What is there to be read. The server answers an append before it has let the stream begin again: that is waited for. */
async function leftIn(server: Server, stream: string): Promise<string> {
  const wasDeleted = async () => {
    const { metadata } = await server.client.getStreamMetadata(stream).catch(() => ({ metadata: undefined }))
    return Number(metadata?.truncateBefore ?? 0) > Number.MAX_SAFE_INTEGER
  }
  for (let looks = 0; ; looks++) {
    const left = await revisions(server.client.readStream(stream))
    if (left !== 'stream-not-found' || looks === LOOKS || !(await wasDeleted())) return left
    await sleep(LOOK_EVERY_MS)
  }
}

/** Whether the event that was answered is at the position that was. */
async function hasPosition(server: Server, stream: string, answer: string, position: bigint | undefined) {
  if (position === undefined || !/^\d+$/.test(answer)) return false
  const positions = await server.positions(stream).catch(() => [])
  const first = Number((await revisions(server.client.readStream(stream, { maxCount: 1 }))) || 0)
  return positions[Number(answer) - first]?.commit === position
}

async function take(
  server: Server,
  path: Path,
  stream: string,
  [what, value]: Step,
  ids: Map<string, string>,
): Promise<{ readonly answer: string; readonly position?: bigint | undefined }> {
  const { client } = server
  const lettered = (letters: string): EventData[] =>
    Array.from(letters, (letter) => {
      if (!ids.has(letter)) ids.set(letter, randomUUID())
      return event({ letter }, ids.get(letter))
    })
  const append = async (to: string, data: EventData[], expected: Expected) => {
    const { nextExpectedRevision, position } = await server.append(to, data, expected, path)
    return { answer: `${nextExpectedRevision}`, position: position?.commit }
  }
  if (what === 'delete' || what === 'tombstone') {
    const expectedRevision = value as bigint | 'any' | 'no_stream'
    if (what === 'delete') await client.deleteStream(stream, { expectedRevision })
    else await client.tombstoneStream(stream, { expectedRevision })
    return { answer: 'deleted' }
  }
  if (what === 'metadata') {
    const data = JSON.parse(value as string)
    return append(`$$${stream}`, [jsonEvent({ type: '$metadata', data })], 'any')
  }
  if (what === 'elsewhere') return append(freshStream(), lettered(value as string), 'any')
  return append(stream, lettered(what), value as Expected)
}
