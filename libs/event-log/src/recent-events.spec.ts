import { describe, expect, test } from '@jest/globals'
import { EMBEDDED_LIMITS } from './limits.js'
import { RecentEvents } from './recent-events.js'

const row = (position: number, data = '{}') => ({
  stream: 's',
  revision: BigInt(position),
  position: BigInt(position),
  id: `e${position}`,
  type: 'Something',
  data,
  metadata: '{}',
})
const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => row(from + i))
const after = (recent: RecentEvents, position: number, limit = 100) =>
  recent.after(BigInt(position), limit)?.map((event) => Number(event.position))

describe('the newest events in memory', () => {
  test('given none, then nobody knows what follows', () => {
    expect(after(new RecentEvents(), 0)).toBeUndefined()
  })

  test('given some, then those past a position, as far as they reach back', () => {
    const recent = new RecentEvents()
    recent.add(rows(3, 5))
    recent.add(rows(6, 6))
    expect(after(recent, 2)).toEqual([3, 4, 5, 6])
    expect(after(recent, 4)).toEqual([5, 6])
    expect(after(recent, 4, 1)).toEqual([5])
    expect(after(recent, 6)).toEqual([])
    expect(after(recent, 1)).toBeUndefined()
  })

  test('given a gap, then what was before it is forgotten, since what is in it is not known', () => {
    const recent = new RecentEvents()
    recent.add(rows(1, 2))
    recent.add(rows(5, 6))
    for (const position of [0, 1, 2, 3]) expect(after(recent, position)).toBeUndefined()
    expect(after(recent, 4)).toEqual([5, 6])
    recent.add(rows(7, 7))
    expect(after(recent, 5)).toEqual([6, 7])
  })

  test('given more than are kept, by number or by size, then the oldest go', () => {
    const many = new RecentEvents()
    const { recentEvents, recentBytes } = EMBEDDED_LIMITS
    many.add(rows(1, recentEvents * 2 + 10))
    expect(after(many, recentEvents + 9)).toBeUndefined()
    expect(after(many, recentEvents + 10, 2)).toEqual([recentEvents + 11, recentEvents + 12])
    many.add(rows(recentEvents * 2 + 11, recentEvents * 2 + 11))
    expect(after(many, recentEvents * 2 + 9)).toEqual([recentEvents * 2 + 10, recentEvents * 2 + 11])

    const large = new RecentEvents()
    const text = JSON.stringify('x'.repeat(recentBytes / 2))
    for (const position of [1, 2, 3]) large.add([row(position, text)])
    expect(after(large, 1)).toBeUndefined()
    expect(after(large, 2)).toEqual([3])
  })
})
