import { describe, expect, test } from '@jest/globals'
import { duration, readTime, relative } from './time.js'

const NOW = new Date('2026-03-01T12:00:00.000Z')

describe('a time', () => {
  test.each([
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T10:00', '2026-01-31T10:00:00.000Z'],
    ['2026-01-31 10:00:05', '2026-01-31T10:00:05.000Z'],
    ['2026-01-31T10:00:05+02:00', '2026-01-31T08:00:05.000Z'],
    ['2026-01-31T10:00:05.123456+00:00', '2026-01-31T10:00:05.123456Z'],
    ['2 hours ago', '2026-03-01T10:00:00.000Z'],
    ['  10 minutes ago ', '2026-03-01T11:50:00.000Z'],
  ])('%j is %s', async (text, expected) => {
    expect(await readTime(text, NOW)).toBe(expected)
  })

  test.each([
    '',
    'once',
    'yesterday or so perhaps',
    '2026-13-01',
    '2026-02-30T10:00Z',
    '3',
    '2 hours ago and tomorrow',
    `${'a '.repeat(50_000)}ago`,
  ])('%j is none', async (text) => {
    await expect(readTime(text, NOW)).rejects.toThrow('is no time; write it as')
  })

  test.each([
    ['2026-03-01T12:00:00Z', 'now'],
    ['2026-03-01T11:59:30Z', '30 seconds ago'],
    ['2026-03-01T10:59:00Z', '1 hour ago'],
    ['2026-02-28T11:00:00Z', 'yesterday'],
    ['2026-03-01T12:05:00Z', 'in 5 minutes'],
    ['2024-01-01T00:00:00Z', '2 years ago'],
  ])('%s is %s', (time, words) => {
    expect(relative(time, NOW)).toBe(words)
  })

  test.each([
    [42, '42 ms'],
    [1_300, '1.3 s'],
    [59_000, '59 s'],
    [240_000, '4 min'],
    [7_200_000, '2 h'],
    [300_000_000, '3 days'],
  ])('%d ms is %s', (milliseconds, words) => {
    expect(duration(milliseconds)).toBe(words)
  })
})
