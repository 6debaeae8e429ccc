import { expect, test } from '@jest/globals'
import { taken } from './taken.js'

async function* lines() {
  yield 'one'
  yield 'two'
}

test('given a reader who takes every line, then all come and nobody is given up', async () => {
  const all: string[] = []
  for await (const line of taken(lines(), 60_000, () => expect(all).toBe('given up'))) all.push(line)
  expect(all).toEqual(['one', 'two'])
})

test('given one who takes the first and no more, then they are given up, and the source is let go', async () => {
  let ended = false
  const source = (async function* () {
    try {
      yield* lines()
    } finally {
      ended = true
    }
  })()
  let stream: AsyncGenerator<string> | undefined
  await new Promise<void>((resolve) => {
    stream = taken(source, 5, resolve)
    void stream.next()
  })
  await stream?.return(undefined)
  expect(ended).toBe(true)
})
