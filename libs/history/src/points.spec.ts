import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseCursor, printCursor } from './cursor.js'
import { parseMoment, parsePoint, printPoint } from './points.js'

describe('a point', () => {
  test.each([
    ['3', { type: 'version', version: 3 }],
    ['2.3', { type: 'version', generation: 2, version: 3 }],
    ['live', { type: 'environment', environment: 'live' }],
    ['eu-1.test', { type: 'environment', environment: 'eu-1.test' }],
    ['2nd-stage', { type: 'environment', environment: '2nd-stage' }],
    ['@123', { type: 'position', position: 123n }],
    ['2026-01-31T12:00:00Z', { type: 'time', at: '2026-01-31T12:00:00.000000+00:00' }],
    ['2026-01-31T12:00:00.123456+00:00', { type: 'time', at: '2026-01-31T12:00:00.123456+00:00' }],
    ['2026-01-31T12:00:00.5+02:00', { type: 'time', at: '2026-01-31T10:00:00.500000+00:00' }],
    ['2026-01-01T01:00:00 02:00', { type: 'time', at: '2025-12-31T23:00:00.000000+00:00' }],
  ])('reads %s', (text, point) => {
    expect(parsePoint(text)).toEqual(point)
  })

  test.each([
    '',
    '0',
    '1.2.3',
    '1.0',
    '@',
    '@-1',
    '@1x',
    'two words',
    '2026-01-31T12:00:00',
    '2026-02-30T12:00:00Z',
    '2026-13-01T00:00:00Z',
    'x'.repeat(101),
    'ü',
  ])('is not %s', (text) => {
    expect(parsePoint(text)).toBeUndefined()
  })

  test('is read back as it was printed', () => {
    const point = fc.oneof(
      fc.record({
        type: fc.constant('version'),
        version: fc.integer({ min: 1 }),
        generation: fc.integer({ min: 1 }),
      }),
      fc.record({ type: fc.constant('version'), version: fc.integer({ min: 1 }) }),
      fc.record({ type: fc.constant('position'), position: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) }),
      fc.record({ type: fc.constant('environment'), environment: fc.constantFrom('live', 'eu.2', 'a-b') }),
      fc
        .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => ({ type: 'time', at: `${date.toISOString().slice(0, -1)}000+00:00` })),
    ) as fc.Arbitrary<Parameters<typeof printPoint>[0]>
    fc.assert(fc.property(point, (one) => expect(parsePoint(printPoint(one))).toEqual(one)))
  })
})

test('a moment is a time or a position, with or without its sign', () => {
  expect(parseMoment('123')).toEqual({ type: 'position', position: 123n })
  expect(parseMoment('@123')).toEqual({ type: 'position', position: 123n })
  expect(parseMoment('2026-01-31T12:00:00Z')).toMatchObject({ type: 'time' })
  expect(parseMoment('live')).toBeUndefined()
})

test('a cursor is read back as it was printed', () => {
  for (const cursor of [{ position: 5n }, { position: 5n, reports: 0n }])
    expect(parseCursor(printCursor(cursor))).toEqual(cursor)
  for (const text of ['', 'x', '5-', '-5', '5-6-7', '99999999999999999999'])
    expect(parseCursor(text)).toBeUndefined()
})
