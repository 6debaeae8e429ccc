import { describe, expect, test } from '@jest/globals'
import { RefusalError } from './bus/contract.js'
import { minPosition, senderOf } from './headers.js'

const of = (entries: Record<string, string>) => new Map(Object.entries(entries))

describe('headers of a command', () => {
  test('given none, then an anonymous actor that is not verified', () => {
    expect(senderOf(of({}))).toEqual({ actor: { id: 'anonymous', verified: false, via: 'nats' } })
  })

  test('given all, then all are read', () => {
    const headers = of({
      'idempotency-key': 'k',
      'if-match': '"7"',
      'x-actor': 'ann',
      'x-reason': 'because',
      'x-allow-secrets': 'TRUE',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    })
    expect(senderOf(headers)).toEqual({
      actor: { id: 'ann', verified: false, via: 'nats' },
      key: 'k',
      reason: 'because',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
      ifRevision: 7n,
      allowSecrets: true,
    })
  })

  test.each([
    'x',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ])('given the trace context %s, then it is ignored', (traceparent) => {
    expect(senderOf(of({ traceparent }))).not.toHaveProperty('correlationId')
  })

  test.each([
    ['idempotency-key', ''],
    ['idempotency-key', 'k'.repeat(256)],
    ['if-match', '*'],
    ['if-match', '-1'],
    ['x-actor', 'a'.repeat(256)],
    ['x-actor', 'guard'],
    ['x-actor', 'system'],
    ['x-reason', '\ud800'],
    ['x-allow-secrets', 'yes'],
  ])('given %s of %j, then it is refused', (name, value) => {
    expect(() => senderOf(of({ [name]: value }))).toThrow(RefusalError)
  })
})

describe('headers of a query', () => {
  test('the least position', () => {
    expect(minPosition(of({}))).toBeUndefined()
    expect(minPosition(of({ 'ledger-min-position': '12' }))).toBe(12n)
    expect(() => minPosition(of({ 'ledger-min-position': 'x' }))).toThrow(RefusalError)
  })
})
