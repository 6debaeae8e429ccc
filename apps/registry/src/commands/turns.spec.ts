import { describe, expect, test } from '@jest/globals'
import { Turns } from './turns.js'

describe('turns', () => {
  test('given works under one key, then each begins when the one before has ended, however that ended', async () => {
    const turns = new Turns(10)
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
    const turns = new Turns(10)
    let release: () => void = () => {}
    const held = turns.take('a', () => new Promise<void>((resolve) => (release = resolve)))
    await expect(turns.take('b', async () => 'b')).resolves.toBe('b')
    release()
    await held
  })

  test('given too many under one key, then the next is refused as busy, and taken again later', async () => {
    const turns = new Turns(2)
    const works = [turns.take('a', async () => 1), turns.take('a', async () => 2)]
    expect(() => turns.take('a', async () => 3)).toThrow('busy')
    await Promise.all(works)
    await expect(turns.take('a', async () => 4)).resolves.toBe(4)
  })
})
