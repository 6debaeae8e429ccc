import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { REFUSALS } from './refusal.js'

test('the README has every refusal, with its number and meaning, and no other', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const table = readme.slice(readme.indexOf('## Refusals'), readme.indexOf('## Settings'))
  const rows = [...table.matchAll(/^\| `([a-z-]+)` *\| (\d+) *\| (.+?) *\|$/gm)].map(
    ([, code, status, meaning]) => [code, { status: Number(status), meaning }],
  )
  expect(Object.fromEntries(rows)).toEqual(REFUSALS)
})
