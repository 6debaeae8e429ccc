import { describe, expect, test } from '@jest/globals'
import { Turns } from './turns.js'

const LONG_MS = 60_000

describe('turns', () => {
  test('given works under one key, then each begins when the one before has ended, however that ended', async () => {
    const turns = new Turns(10, LONG_MS)
    const seen: string[] = []
    const work = (name: string, fails = false) =>
      turns.take('a', async () => {
        seen.push(`${name} begins`)
        await Promise.resolve()
        seen.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      })
    const outcomes = await Promise.allSettled([work('one', true), work('two'), work('three')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(seen).toEqual(['one begins', 'one ends', 'two begins', 'two ends', 'three begins', 'three ends'])
  })

  test('given another key, then it does not wait', async () => {
    const turns = new Turns(10, LONG_MS)
    let release: () => void = () => {}
    const held = turns.take('a', () => new Promise<void>((resolve) => (release = resolve)))
    await expect(turns.take('b', async () => 'b')).resolves.toBe('b')
    release()
    await held
  })

  test('given too many under one key, then the next is refused as busy, and taken again later', async () => {
    const turns = new Turns(2, LONG_MS)
    const works = [turns.take('a', async () => 1), turns.take('a', async () => 2)]
    expect(() => turns.take('a', async () => 3)).toThrow('busy')
    await Promise.all(works)
    await expect(turns.take('a', async () => 4)).resolves.toBe(4)
  })

  test('given a turn that comes too late, then it is refused as unavailable, and so at once are those behind it', async () => {
    const turns = new Turns(10, 20)
    const began: string[] = []
    const slow = turns.take('a', () => new Promise((resolve) => setTimeout(resolve, 40)))
    const late = ['two', 'three'].map((name) => turns.take('a', async () => began.push(name)))
    await slow
    expect(await Promise.allSettled(late)).toMatchObject([
      { status: 'rejected', reason: { refusal: { code: 'unavailable' } } },
      { status: 'rejected', reason: { refusal: { code: 'unavailable' } } },
    ])
    expect(began).toEqual([])
    await expect(turns.take('a', async () => 'in time')).resolves.toBe('in time')
  })
})
