import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { canonical, sha256 } from './canonical.js'
import { type GraphEvent, readGraphEvent, sealGraphEvent } from './graph.js'
import { readDescriptor } from './graph-check.js'
import { eventIdOf } from './ids.js'
import type { JsonValue } from './json.js'
import { type Head, hashOf, type Provenance } from './seal.js'

interface Stored extends Record<string, unknown> {
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly type: GraphEvent['type']
  readonly data: GraphEvent['data']
  readonly metadata: Omit<Provenance, 'now' | 'stream'> & {
    readonly $correlationId: string
    readonly dataHash: string
    readonly hash: string
    readonly at: string
  }
}

const golden: readonly Stored[] = JSON.parse(
  readFileSync(new URL('../golden/graph-stream.schema-1.json', import.meta.url), 'utf8'),
)

describe('events of a graph, as they were stored once', () => {
  test.each(golden.map((event) => [event.revision, event] as const))(
    '%i is read, and its hashes hold, also that of the descriptor',
    (_revision, event) => {
      const { stream, revision, type, data, metadata, id } = event
      expect(readGraphEvent({ ...event, revision: BigInt(revision) })).toEqual({ type, data })
      expect(metadata.dataHash).toBe(sha256(canonical(data)))
      const { hash, ...unhashed } = metadata
      expect(hashOf(stream, BigInt(revision), type, unhashed as never)).toBe(hash)
      expect(eventIdOf(hash)).toBe(id)
      const read = readDescriptor(data.descriptor as unknown as JsonValue, 'descriptor')
      expect(read).toEqual({ ok: true, value: { descriptor: data.descriptor, hash: data.hash } })
    },
  )

  test('the same events are sealed alike today', () => {
    let head: Head
    for (const { stream, type, data, id, metadata } of golden) {
      const from = { ...metadata, stream, now: metadata.at, correlationId: metadata.$correlationId }
      const sealed = sealGraphEvent({ type, data }, head, from)
      expect(sealed).toEqual({ id, type, data, metadata })
      head = { revision: (head?.revision ?? -1n) + 1n, hash: sealed.metadata.hash, at: sealed.metadata.at }
    }
  })
})

test.each([
  ['of a newer schema', { metadata: { schema: 2 } }],
  ['without a schema', { metadata: {} }],
  ['without metadata', { metadata: undefined }],
  ['of another type', { type: 'GraphPraised' }],
  ['without data', { data: null }],
  ['without a descriptor', { data: { graph_id: 'writer', hash: 'h', runner: 'eu', salt: 's' } }],
])('an event %s cannot be read', (_what, more) => {
  const [event] = golden as [Stored]
  expect(readGraphEvent({ ...event, revision: 0n, ...more })).toBeUndefined()
})
