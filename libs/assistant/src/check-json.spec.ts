import { expect, test } from '@jest/globals'
import { checkJson } from './check-json.js'

const nested = (levels: number): object =>
  JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`)

test('32 levels pass, 33 and 20,000 are refused by name', () => {
  expect(checkJson(nested(32) as never, 'config').ok).toBe(true)
  for (const levels of [33, 20_000])
    expect(checkJson(nested(levels) as never, 'config')).toMatchObject({
      refusal: { code: 'invalid-config' },
    })
})

test.each([
  ['a lone surrogate', { a: ['\ud800'] }, 'config/a/0'],
  ['a key with a lone surrogate', { '\udc00': 1 }, 'config'],
  ['an integer beyond 2^53', { a: { 'b/c': 2 ** 53 } }, 'config/a/b~1c'],
])('%s is refused where it stands', (_what, value, field) => {
  expect(checkJson(value, 'config')).toMatchObject({ refusal: { field } })
})

test('numbers that read back equal pass', () => {
  const value = { a: [0, -1, 1.5, 1e-7, Number.MAX_SAFE_INTEGER], b: '\ud83d\ude00' }
  expect(checkJson(value, 'config')).toEqual({ ok: true, value })
})

test('NUL becomes U+FFFD in texts and keys, and odd keys survive it', () => {
  const value = JSON.parse('{"a\\u0000":"x\\u0000y","__proto__":{"b":"\\u0000"}}')
  const checked = checkJson(value, 'metadata')
  expect(checked.ok && JSON.stringify(checked.value)).toBe(
    '{"a\ufffd":"x\ufffdy","__proto__":{"b":"\ufffd"}}',
  )
  expect(checkJson({ 'a\0': 1, 'a\ufffd': 2 }, 'metadata').ok).toBe(false)
})
