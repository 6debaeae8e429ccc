import { expect, test } from '@jest/globals'
import { StreamTable } from './stream-table.js'

const endOf = (n: number) => ({
  revision: n,
  hash: n.toString(16).padStart(64, '0'),
  at_us: 1_800_000_000_000_000 + n,
  generation: n % 7,
  highest: n % 5,
  live: n % 3,
})

test('keeps the newest of each of many streams, past every growth of its index', () => {
  const table = new StreamTable()
  const streams = 30_000
  for (let n = 0; n < streams; n++) table.set(`assistant.p-${n}`, endOf(n))
  for (let n = 0; n < streams; n += 2) table.set(`assistant.p-${n}`, endOf(n + 1))
  expect(table.size).toBe(streams)
  for (let n = 0; n < streams; n++)
    expect(table.find(`assistant.p-${n}`)).toEqual(endOf(n % 2 === 0 ? n + 1 : n))
  expect(table.find('assistant.p-none')).toBeUndefined()
})
