import { describe, expect, test } from '@jest/globals'
import { FLEET_LIMITS } from './limits.js'
import { readAck, readPresence } from './message.js'

const instance = '00000000-0000-4000-8000-000000000000'
const at = { runner: 'eu', assistantId: 'a' }
const ack = (more: object = {}) =>
  readAck(
    JSON.stringify({
      v: 1,
      runner: 'eu',
      instance,
      environment: 'live',
      assistant_id: 'a',
      log_id: 'l',
      revision: 3,
      generation: 1,
      version: 2,
      hash: 'a'.repeat(64),
      status: 'active',
      ...more,
    }),
    at,
  )
const presence = (more: object = {}) =>
  readPresence(
    JSON.stringify({
      v: 1,
      name: 'eu',
      instance,
      environment: 'live',
      graphs: ['writer'],
      state: 'live',
      ...more,
    }),
    'eu',
  )

describe('a report', () => {
  test('is read', () => {
    expect(ack()).toMatchObject({ runner: 'eu', assistantId: 'a', revision: 3, status: 'active' })
    expect(ack({ status: 'removed', revision: -1, hash: undefined })).toMatchObject({ revision: -1 })
  })

  test.each([
    { v: 2 },
    { runner: 'us' },
    { assistant_id: 'b' },
    { instance: 'x' },
    { environment: '' },
    { environment: 'x'.repeat(FLEET_LIMITS.name + 1) },
    { environment: '\ud83d' },
    { log_id: 7 },
    { revision: -2 },
    { revision: 1.5 },
    { revision: 2 ** 53 },
    { status: 'delighted' },
    { hash: 'A'.repeat(64) },
    { version: null },
  ])('with %j is passed over', (more) => {
    expect(ack(more)).toBeUndefined()
  })

  test.each(['', 'null', '[]', '7', '{"v":1', '{"v":1}'])('%j is none', (text) => {
    expect(readAck(text, at)).toBeUndefined()
    expect(readPresence(text, 'eu')).toBeUndefined()
  })

  test('has a reason of bounded length that can be read back equal, whatever stands at its end', () => {
    const most = FLEET_LIMITS.reason
    const reasonOf = (reason: string) => ack({ status: 'rejected', reason })?.reason
    expect(reasonOf('x'.repeat(most + 1))).toBe('x'.repeat(most))
    expect(reasonOf(`${'x'.repeat(most - 2)}😀y`)).toBe(`${'x'.repeat(most - 2)}😀`)
    expect(reasonOf(`${'x'.repeat(most - 1)}😀`)).toBe('x'.repeat(most - 1))
  })
})

describe('presence', () => {
  test('is read, and what is not given has no meaning of its own', () => {
    expect(presence()).toEqual({
      runner: 'eu',
      instance,
      environment: 'live',
      graphs: ['writer'],
      state: 'live',
      ageMs: 0,
      count: 0,
      digest: '',
    })
    const hash = 'a'.repeat(64)
    expect(presence({ descriptors: { writer: hash } })?.descriptors).toEqual(new Map([['writer', hash]]))
    for (const descriptors of [7, [hash], { writer: 'x' }, { '': hash }, { writer: null }])
      expect(presence({ descriptors })).toEqual(presence())
    expect(presence({ age_ms: -1, count: 0.5, digest: 'x', build: 7 })).toEqual(presence())
  })

  test.each([
    { name: 'us' },
    { instance: 7 },
    { graphs: 'writer' },
    { graphs: [7] },
    { graphs: Array(FLEET_LIMITS.graphs + 1).fill('writer') },
    { assistants: 'all' },
    { assistants: Array(FLEET_LIMITS.assistants + 1).fill('a') },
    { state: '' },
  ])('with %j is passed over', (more) => {
    expect(presence(more)).toBeUndefined()
  })
})
