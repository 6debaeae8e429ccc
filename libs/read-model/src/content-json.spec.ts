import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { contentJson } from './content-json.js'

const read = (text: string) => JSON.parse(text) as { content: object }

test('given the stored text of any event, then the content is the same as written anew', () => {
  const odd = fc.constantFrom('"content":0', '{"content":', '\\', '"', '\u2028', '__proto__', 'content')
  const json = fc.jsonValue().chain((value) => odd.map((key) => ({ [key]: value, text: key })))
  fc.assert(
    fc.property(json, odd, fc.string(), (content, before, after) => {
      const text = JSON.stringify({ assistant_id: before, version: 1, content, salt: after })
      expect(contentJson(read(text), text)).toBe(JSON.stringify(read(text).content))
    }),
  )
})

test('given no text, or one that was written by another hand, then it is written anew', () => {
  const text = '{ "version": 1, "content": { "name": "A" }, "salt": "s" }'
  expect(contentJson(read(text), undefined)).toBe('{"name":"A"}')
  expect(contentJson(read(text), text)).toBe('{"name":"A"}')
})
