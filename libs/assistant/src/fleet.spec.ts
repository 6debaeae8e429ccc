import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { canonical, sha256 } from './canonical.js'
import { type FleetEvent, readFleetEvent, sealFleetEvent } from './fleet.js'
import { eventIdOf } from './ids.js'
import { type Head, hashOf } from './seal.js'

interface Stored {
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly type: FleetEvent['type']
  readonly data: FleetEvent['data']
  readonly metadata: Record<string, unknown> & { readonly hash: string; readonly at: string }
}

const golden: readonly Stored[] = JSON.parse(
  readFileSync(new URL('../golden/fleet-stream.schema-1.json', import.meta.url), 'utf8'),
)

describe('events of the fleet, as they were stored once', () => {
  test.each(golden.map((event) => [event.type, event] as const))(
    '%s is read, and its hashes hold',
    (_type, event) => {
      const { stream, revision, type, data, metadata, id } = event
      expect(readFleetEvent({ ...event, revision: BigInt(revision) })).toEqual({ type, data })
      expect(metadata.dataHash).toBe(sha256(canonical(data)))
      const { hash, ...unhashed } = metadata
      expect(hashOf(stream, BigInt(revision), type, unhashed as never)).toBe(hash)
      expect(eventIdOf(hash)).toBe(id)
    },
  )

  test('the same events are sealed alike today', () => {
    let head: Head
    for (const { stream, type, data, id, metadata } of golden) {
      const event = { type, data } as FleetEvent
      const { commandId, commandHash } = metadata as { commandId?: string; commandHash?: string }
      const from = { stream, now: metadata.at, commandId: commandId ?? '', commandHash: commandHash ?? '' }
      const sealed = sealFleetEvent(event, head, from)
      expect(sealed.id).toBe(id)
      head = { revision: (head?.revision ?? -1n) + 1n, hash: sealed.metadata.hash, at: sealed.metadata.at }
    }
  })
})

test.each([
  ['of a newer schema', { metadata: { schema: 2 } }],
  ['without a schema', { metadata: {} }],
  ['of another type', { type: 'RunnersDanced' }],
  ['without its list', { data: {} }],
])('an event %s cannot be read', (_what, more) => {
  const [event] = golden as [Stored]
  expect(readFleetEvent({ ...event, revision: 0n, ...more })).toBeUndefined()
})
