import { expect, test } from '@jest/globals'
import { together } from './together.js'

test('what was begun has ended when the first error is told', async () => {
  const told: string[] = []
  let end = (): void => {}
  const slow = new Promise<void>((resolve) => {
    end = resolve
  }).then(() => told.push('slow'))
  const failing = Promise.reject(new Error('first'))
  const both = together([failing, slow]).catch((error: Error) => told.push(error.message))
  await failing.catch(() => undefined)
  end()
  await both
  expect(told).toEqual(['slow', 'first'])
})

test('all results are there, in their order', async () => {
  expect(await together([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two'])
})
