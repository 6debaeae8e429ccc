import { createHash } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { StreamHeads } from './heads.js'

const hash = (n: number) => createHash('sha256').update(String(n)).digest('hex')

test('every stream has its own newest event, through all growth of the tables', () => {
  const heads = new StreamHeads()
  expect(heads.get('a')).toBeUndefined()
  for (let n = 0; n < 5_000; n++) heads.set(`stream-${n}`, { revision: n, hash: hash(n) })
  for (let n = 0; n < 5_000; n += 7) heads.set(`stream-${n}`, { revision: n + 1, hash: hash(-n) })
  expect(heads.size).toBe(5_000)
  for (let n = 0; n < 5_000; n++)
    expect(heads.get(`stream-${n}`)).toEqual(
      n % 7 === 0 ? { revision: n + 1, hash: hash(-n) } : { revision: n, hash: hash(n) },
    )
  expect(heads.get('stream-5000')).toBeUndefined()
})
