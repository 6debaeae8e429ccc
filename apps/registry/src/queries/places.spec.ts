import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Places } from './places.js'

describe('places of queries', () => {
  test('given more than there are places, then the rest begin in their order as others end', async () => {
    const places = new Places(2)
    const began: number[] = []
    const ends: (() => void)[] = []
    const work = (n: number) => () => {
      began.push(n)
      return new Promise<void>((resolve) => ends.push(resolve))
    }
    const all = [1, 2, 3, 4].map((n) => places.take(work(n)))
    await turn()
    expect(began).toEqual([1, 2])
    ends[0]?.()
    await all[0]
    // What was answered is sent at the end of this turn, before the next is read.
    expect(began).toEqual([1, 2])
    await turn()
    expect(began).toEqual([1, 2, 3])
    for (let n = 1; n < 4; n++) {
      ends[n]?.()
      await all[n]
      await turn()
    }
    expect(began).toEqual([1, 2, 3, 4])
  })

  test('given work that fails, then its place is free again', async () => {
    const places = new Places(1)
    await expect(places.take(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await places.take(async () => 'next')).toBe('next')
  })
})
