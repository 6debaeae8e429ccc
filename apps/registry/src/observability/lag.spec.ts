import { expect, test } from '@jest/globals'
import { Lag } from './lag.js'

test('given nothing behind, it is 0', () => {
  const lag = new Lag()
  lag.note(5n, 1_000)
  expect(lag.seconds(5n, 9_000)).toBe(0)
})

test('given a position that is not reached, it is the time since that position was first seen', () => {
  const lag = new Lag()
  lag.note(5n, 1_000)
  lag.note(5n, 2_000)
  lag.note(9n, 3_000)
  expect(lag.seconds(4n, 4_000)).toBe(3)
  expect(lag.seconds(5n, 4_000)).toBe(1)
  expect(lag.seconds(9n, 4_000)).toBe(0)
})

test('given one that moves on as fast as what it follows, it does not grow', () => {
  const lag = new Lag()
  for (let second = 0; second < 100; second++) {
    lag.note(BigInt(second), second * 1000)
    expect(lag.seconds(BigInt(second - 1), second * 1000)).toBeLessThanOrEqual(1)
  }
})

test('given one that stands still for ever, it remembers the beginning and not everything since', () => {
  const lag = new Lag()
  for (let second = 1; second <= 100_000; second++) lag.note(BigInt(second), second * 1000)
  expect(lag.seconds(0n, 100_000_000)).toBe(99_999)
  expect((lag as unknown as { samples: unknown[] }).samples.length).toBeLessThanOrEqual(600)
})
