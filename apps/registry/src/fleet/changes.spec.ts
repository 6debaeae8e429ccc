import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Change, shortened } from './changes.js'

const joined = (runner: string, at: string): Change => ({
  type: 'RunnersJoined',
  runner: { runner, instance: `i-${runner}`, environment: 'live', graphs: ['writer'], at },
})
const left = (runner: string, at: string): Change => ({
  type: 'RunnersLeft',
  runner: { runner, instance: `i-${runner}`, reason: 'closed', at },
})

describe('changes that wait for the log', () => {
  test('given one that only came and went, then nothing of it is left', () => {
    expect(shortened([joined('a', '1'), left('a', '2'), joined('b', '3')])).toEqual([joined('b', '3')])
  })

  test('given one that was there, then that it left first and came again last is kept', () => {
    const changes = [left('a', '1'), joined('a', '2'), left('a', '3'), joined('a', '4')]
    expect(shortened(changes)).toEqual([left('a', '1'), joined('a', '4')])
    expect(shortened(changes.slice(0, 3))).toEqual([left('a', '1')])
  })

  test('whatever happens, the same are there in the end, with at most two changes each', () => {
    const some = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 })
    fc.assert(
      fc.property(some, fc.subarray(['a', 'b', 'c']), (names, first) => {
        const there = new Set(first)
        const changes = names.map((name, i) => {
          if (there.delete(name)) return left(name, String(i))
          there.add(name)
          return joined(name, String(i))
        })
        const short = shortened(changes)
        const after = new Set(first)
        for (const { type, runner } of short)
          if (type === 'RunnersJoined') after.add(runner.runner)
          else after.delete(runner.runner)
        expect(after).toEqual(there)
        expect(short.length).toBeLessThanOrEqual(6)
      }),
    )
  })
})
