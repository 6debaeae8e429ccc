import { describe, expect, test } from '@jest/globals'
import { Remembered } from './remembered.js'

const request = (headers: Record<string, string>) => new Request('http://localhost/', { headers })
const CACHE = { headers: ['authorization', 'x-org'], ttl_ms: 1_000, size: 2 }

describe('what authenticate() returned', () => {
  test('is known by all the headers together, and by none of them not at all', () => {
    const remembered = new Remembered(CACHE)
    const key = (headers: Record<string, string>) => remembered.keyOf(request(headers))
    const whole = key({ authorization: 'a', 'x-org': 'b', other: '1' })
    expect(whole).toBe(key({ 'X-Org': 'b', Authorization: 'a', other: '2' }))
    const others = [{ authorization: 'a' }, { authorization: 'b', 'x-org': 'a' }, { authorization: 'ab' }]
    expect(new Set([whole, ...others.map(key)]).size).toBe(4)
    expect(key({ other: '1' })).toBeUndefined()
  })

  test('is forgotten after its time', () => {
    let now = 0
    const remembered = new Remembered(CACHE, () => now)
    remembered.keep('k', 'alice')
    now = 999
    expect(remembered.get('k')).toBe('alice')
    now = 1_000
    expect(remembered.get('k')).toBeUndefined()
  })

  test('gives way to others when there are too many, that which was used the longest ago first', () => {
    const remembered = new Remembered(CACHE)
    remembered.keep('a', 1)
    remembered.keep('b', 2)
    remembered.get('a')
    remembered.keep('c', 3)
    expect(['a', 'b', 'c'].map((key) => remembered.get(key))).toEqual([1, undefined, 3])
  })
})
