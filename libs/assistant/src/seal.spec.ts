import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { canonical, sha256 } from './canonical.js'
import type { Command } from './command.js'
import { CREATE, STREAM, Stream } from './given.spec-support.js'
import { eventIdOf, idFromKey, systemAssistantId } from './ids.js'
import { assistantIdOf, decodeToken, encodeToken } from './names.js'
import { hashOf, SCHEMA } from './seal.js'
import { EMPTY, fold } from './state.js'
import { timestamp } from './time.js'
import { readEvent, type StoredEvent, UnreadableEvent } from './upcast.js'

const DELETE: Command = { type: 'delete' }

describe('the chain', () => {
  test('each event carries the hash of the one before it, and its id follows from its own hash', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send({ type: 'change', patch: { name: 'b' }, promote_to: 'live' })
    stream.send(DELETE)
    let previous = '0'.repeat(64)
    stream.sealed.forEach(({ id, type, data, metadata }, i) => {
      const { hash, ...unhashed } = metadata
      expect(metadata.previousHash).toBe(previous)
      expect(metadata.dataHash).toBe(sha256(canonical(data)))
      expect(hash).toBe(hashOf(STREAM, BigInt(i), type, unhashed))
      expect(id).toBe(eventIdOf(hash))
      previous = hash
    })
    expect(stream.sealed).toHaveLength(4)
  })

  test('time never runs backwards in a stream, whatever the clock says', () => {
    const stream = new Stream()
    stream.send(CREATE, { now: timestamp(2_000_000) })
    stream.send(DELETE, { now: timestamp(1_000_000) })
    expect(stream.sealed[1]?.metadata.at).toBe('1970-01-01T00:33:20.000000+00:00')
  })
})

describe('stored events', () => {
  interface Golden {
    readonly events: readonly (Omit<StoredEvent, 'revision'> & { revision: number; id: string })[]
    readonly state: { generation: number; highest: number; live: number; staging: number; head: string }
  }
  const golden: Golden = JSON.parse(
    readFileSync(new URL('../golden/assistant-stream.schema-1.json', import.meta.url), 'utf8'),
  )
  const stored = golden.events.map((event) => ({ ...event, revision: BigInt(event.revision) }))
  const withThreads: Pick<Golden, 'events'> = JSON.parse(
    readFileSync(new URL('../golden/assistant-deleted-with-threads.schema-1.json', import.meta.url), 'utf8'),
  )

  test('events of every type that was ever written are read, chained and folded as they were', () => {
    const state = fold(EMPTY, stored.map(readEvent))
    expect(state).toMatchObject({ generation: golden.state.generation, head: { hash: golden.state.head } })
    expect(state.life?.highest).toBe(golden.state.highest)
    expect(state.life?.environments.get('live')?.version).toBe(golden.state.live)
    expect(state.life?.environments.get('staging')?.version).toBe(golden.state.staging)
    for (const event of stored) {
      const { hash, ...unhashed } = event.metadata as { hash: string }
      expect(hashOf(event.stream, event.revision, event.type, unhashed as never)).toBe(hash)
      expect(eventIdOf(hash)).toBe(event.id)
    }
    expect(new Set(stored.map(({ type }) => type)).size).toBe(5)
  })

  test('a deletion that asks for the threads too is written as it was', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send({ type: 'delete', delete_threads: true })
    expect(stream.sealed.map((event, revision) => ({ stream: STREAM, revision, ...event }))).toEqual(
      withThreads.events,
    )
    const state = fold(
      EMPTY,
      withThreads.events.map((event) => readEvent({ ...event, revision: BigInt(event.revision) })),
    )
    expect(state).toMatchObject({ generation: 1, life: undefined })
  })

  test('a newer schema, an unknown type, a missing field and a damaged event are unreadable, by stream and revision', () => {
    const [first] = stored
    if (!first) throw new Error('no golden event')
    for (const broken of [
      { ...first, metadata: { ...(first.metadata as object), schema: SCHEMA + 1 } },
      { ...first, type: 'constructor' },
      { ...first, data: { salt: 's' } },
      { ...first, metadata: undefined },
      { ...first, data: 'not json' },
    ])
      expect(() => readEvent(broken)).toThrow(UnreadableEvent)
  })
})

describe('names and ids', () => {
  test.each([
    ['writer', 'writer'],
    ['my.graph', 'my=2Egraph'],
    ['a=b', 'a=3Db'],
    ['grün/π', 'gr=C3=BCn=2F=CF=80'],
  ])('%s is the token %s', (name, token) => {
    expect(encodeToken(name)).toBe(token)
    expect(decodeToken(token)).toBe(name)
  })

  test('system assistants of project default have the ids that LangGraph gives them', () => {
    expect(systemAssistantId('default', 'agent')).toBe('fe096781-5601-53d2-b2f6-0d3403f7e9ca')
    expect(systemAssistantId('default', 'nested')).toBe('0813419b-f0e6-579e-bdee-18d9fdf48632')
    expect(systemAssistantId('other', 'agent')).not.toBe(systemAssistantId('default', 'agent'))
  })

  test('an id derived from a key differs by project, actor and key, and by where one ends', () => {
    const ids = [
      idFromKey('p', 'a', 'b'),
      idFromKey('q', 'a', 'b'),
      idFromKey('p', 'ab', ''),
      idFromKey('p', '', 'ab'),
    ]
    expect(new Set(ids).size).toBe(4)
  })

  test('a stream names its assistant', () => {
    expect(assistantIdOf(STREAM)).toBe(STREAM.slice('assistant.default-'.length))
    expect(assistantIdOf('graph.default-writer')).toBeUndefined()
  })
})
