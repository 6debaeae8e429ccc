import { describe, expect, test } from '@jest/globals'
import { withDefaults } from './langgraph-config.js'
import { BadSetting } from './settings.js'

const GRAPHS = [{ id: 'writer', description: 'writes' }, { id: 'editor' }]
const read = (config: unknown) => withDefaults(GRAPHS, JSON.stringify(config))

describe('LANGGRAPH_CONFIG', () => {
  test.each([undefined, ''])('given %j, then the graphs are as they were', (text) => {
    expect(withDefaults(GRAPHS, text)).toBe(GRAPHS)
    expect(withDefaults(undefined, text)).toBeUndefined()
  })

  test('given a config of one graph, then that one has it, and its context apart', () => {
    const writer = { configurable: { model: 'm' }, tags: ['t'] }
    expect(read({ writer })).toEqual([{ ...GRAPHS[0], config: writer }, GRAPHS[1]])
    expect(read({ writer: { context: { model: 'm' }, recursion_limit: 7 }, editor: {} })).toEqual([
      { ...GRAPHS[0], config: { recursion_limit: 7 }, context: { model: 'm' } },
      { ...GRAPHS[1], config: {} },
    ])
  })

  test.each([
    ['{', 'JSON'],
    ['[]', 'object'],
    ['null', 'object'],
    ['{"writer":7}', '"writer"'],
    ['{"writer":{"configurable":[]}}', 'config.configurable'],
    ['{"writer":{"context":"x"}}', 'context'],
    ['{"writer":{"tags":"x"}}', 'config.tags'],
    ['{"writer":{"configurable":{"a":1},"context":{"a":1}}}', 'both'],
    [`{"writer":{"configurable":{"a":"${'x'.repeat(600_000)}"}}}`, 'bytes'],
    ['{"wirter":{}}', 'wirter.*writer, editor'],
  ])('given %.60s, then one line says what is wrong', (text, named) => {
    const start = () => withDefaults(GRAPHS, text)
    expect(start).toThrow(BadSetting)
    expect(start).toThrow(new RegExp(`^LANGGRAPH_CONFIG [^\\n]*${named}[^\\n]*$`))
  })

  test('given no langgraph.json, then there is nobody to have it', () => {
    expect(() => withDefaults(undefined, '{}')).toThrow(/^LANGGRAPH_CONFIG .*langgraph\.json/)
  })
})
