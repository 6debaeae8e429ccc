import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { fingerprintOf, isSignedBy, readCheckpoint, signCheckpoint } from './checkpoint.js'
import { isOfProject, ROLLING_START, type Rolling, rollOn } from './rolling.js'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')

const events = ['a', 'b', 'c'].map((digit, i) => ({
  position: BigInt(i + 1),
  metadata: { hash: digit.repeat(64) },
}))
const rolled = (of: readonly { position: bigint; metadata: unknown }[]): Rolling =>
  of.reduce(rollOn, ROLLING_START)

const checkpoint = signCheckpoint(rolled(events), { log_id: 'log', epoch: 2 }, privateKey)

describe('the rolling hash', () => {
  test('counts the events, and stands at the last one', () => {
    expect(rolled(events)).toMatchObject({ count: 3, position: 3n })
  })

  test('is these very bytes, for ever', () => {
    expect(rolled(events).hash).toBe('ca57597f921c84e10277826ddad072d1e986c52e5bf848ec255e65b8c7b4a82c')
  })

  test.each([
    ['another order', events.toReversed()],
    ['one less at the end', events.slice(0, 2)],
    ['one less in the middle', [events[0], events[2]]],
    ['one more', [...events, { position: 4n, metadata: {} }]],
    ['one without a hash', [events[0], { position: 2n, metadata: null }, events[2]]],
  ])('differs after %s', (_, of) => {
    expect(rolled(of as typeof events).hash).not.toBe(rolled(events).hash)
  })
})

describe('a checkpoint', () => {
  test('is signed by its key and by no other', () => {
    expect(isSignedBy(checkpoint, publicKey)).toBe(true)
    expect(isSignedBy(checkpoint, stranger.publicKey)).toBe(false)
    const renamed = { ...checkpoint, key: fingerprintOf(stranger.publicKey) }
    expect(isSignedBy(renamed, stranger.publicKey)).toBe(false)
  })

  test.each([
    ['log_id', 'another'],
    ['epoch', 1],
    ['position', '4'],
    ['count', 4],
    ['hash', 'd'.repeat(64)],
  ])('does not hold with another %s', (field, value) => {
    expect(isSignedBy({ ...checkpoint, [field]: value }, publicKey)).toBe(false)
  })

  test('is read back from its JSON, and only whole', () => {
    const read = JSON.parse(JSON.stringify({ ...checkpoint, salt: 'salt' }))
    expect(readCheckpoint(read)).toEqual(checkpoint)
    for (const field of Object.keys(checkpoint))
      expect(readCheckpoint({ ...checkpoint, [field]: null })).toBeUndefined()
    expect(readCheckpoint(null)).toBeUndefined()
  })
})

test('the streams of a project are its own, also when another name begins alike', () => {
  const isOurs = isOfProject('a')
  expect(['assistant.a-x', 'fleet.a-x', 'graph.a-x', 'ledger.a'].every(isOurs)).toBe(true)
  expect(['assistant.ab-x', 'ledger.ab', 'ledger.a-', 'other.a-x', '$settings'].some(isOurs)).toBe(false)
})
