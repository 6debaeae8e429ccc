import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { readGraphs } from './langgraph-json.js'
import { BadSetting } from './settings.js'

const directory = mkdtempSync(join(tmpdir(), 'assistant-ledger-manifest-'))
afterAll(() => rmSync(directory, { recursive: true }))

function manifest(text: string) {
  const file = join(directory, 'langgraph.json')
  writeFileSync(file, text)
  return file
}

describe('langgraph.json', () => {
  test('given both forms, then ids and descriptions', () => {
    const file = manifest(
      '{"graphs":{"a":"./a.ts:g","b":{"path":"./b.ts:g","description":"B"},"c":{"path":"x"}}}',
    )
    expect(readGraphs(file, true)).toEqual([{ id: 'a' }, { id: 'b', description: 'B' }, { id: 'c' }])
  })

  test('given no file, then any graph is taken, unless it was asked for', () => {
    const file = join(directory, 'nowhere.json')
    expect(readGraphs(file, false)).toBeUndefined()
    expect(() => readGraphs(file, true)).toThrow(BadSetting)
  })

  test.each(['{', '[]', 'null', '{}', '{"graphs":[]}', '{"graphs":{"a":7}}', '{"graphs":{"":"x"}}'])(
    'given %s, then one line that names the file',
    (text) => {
      const file = manifest(text)
      expect(() => readGraphs(file, false)).toThrow(/^LANGGRAPH_JSON: [^\n]*langgraph\.json/)
    },
  )
})
