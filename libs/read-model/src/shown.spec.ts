import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ShownRow } from './shown.js'

const about = {
  assistant_id: '00000000-0000-4000-8000-000000000001',
  version: 7,
  created_at: '2026-01-31T12:00:00.000000+00:00',
  updated_at: '2026-01-31T12:00:01.000000+00:00',
}
const objects = fc.dictionary(
  fc.oneof(fc.string({ unit: 'binary' }), fc.constant('__proto__')),
  fc.jsonValue(),
)
const contents = fc
  .record({
    graph_id: fc.string({ unit: 'binary' }),
    name: fc.string({ unit: 'binary' }),
    description: fc.option(fc.string()),
    config: objects,
    context: objects,
    metadata: objects,
  })
  .map((content) => JSON.stringify(content))

test('the text is JSON of what is shown, whatever the content', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const row = new ShownRow(about, content, 2, 9n)
      const expected = JSON.stringify(sorted({ ...JSON.parse(content), ...about }))
      expect(JSON.stringify(sorted(JSON.parse(row.json)))).toBe(expected)
      expect(row.assistant).toEqual(JSON.parse(row.json))
    }),
  )
})

const sorted = (object: object) => Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1))
