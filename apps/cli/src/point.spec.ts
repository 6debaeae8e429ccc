import { describe, expect, test } from '@jest/globals'
import { readPoint } from './point.js'

describe('a point', () => {
  test.each(['3', '1.3', '@4711', 'live', 'eu-west.2', 'tomorrowland'])('%j stays as it is', async (text) => {
    expect(await readPoint(` ${text} `)).toBe(text)
  })

  test.each(['2 hours ago', 'yesterday', 'now', '2026-03-01', '2026-03-01T10:00', 'yesterday at 18:00'])(
    '%j is a time, in ISO form',
    async (text) => {
      expect(await readPoint(text)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    },
  )

  test.each(['some other day', '2026-13-01'])('%j is none', async (text) => {
    await expect(readPoint(text)).rejects.toMatchObject({ exit: 2 })
  })
})
