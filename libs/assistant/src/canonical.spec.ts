import { expect, test } from '@jest/globals'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { canonical } from './canonical.js'

const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 6 })

test('given any JSON value, then the text of the reference implementation of RFC 8785', () => {
  fc.assert(
    fc.property(json, (value) => {
      fc.pre(JSON.stringify(value).isWellFormed())
      expect(canonical(value)).toBe(canonicalize(value))
    }),
    { numRuns: 2000 },
  )
})

test.each([
  '{"b":1,"a":2,"10":3,"9":4,"":5}',
  '{"__proto__":{"b":1,"a":[{"d":null,"c":true}]},"constructor":1,"toString":"x","toJSON":2}',
  '{"\\ud83d\\ude00":1,"\\ufb33":2,"é":3,"e\\u0301":4,"\\u2028":5,"\\"\\\\\\n\\u0007":6}',
  '[0,-0,1e21,1e-7,5e-324,9007199254740991,-1.5,0.1]',
  JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${(n * 7919) % 500}`, n]))),
])(
  'given %s, then keys stand in the order of their UTF-16 units, and numbers as ECMAScript writes them',
  (text) => {
    expect(canonical(JSON.parse(text))).toBe(canonicalize(JSON.parse(text)))
  },
)

test('what has no JSON text is an error', () => {
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => canonical(value)).toThrow()
})
