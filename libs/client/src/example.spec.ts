// The worker that the README files show is the one that the type check, the linter and a reader's machine run.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'

const LINES_MOST = 20
const read = (file: string) => readFileSync(file, 'utf8')

describe('the example', () => {
  const worker = read('examples/worker.ts')

  test.each(['README.md', 'libs/client/README.md'])('stands in %s as it is', (file) => {
    expect(read(file)).toContain(`\`\`\`ts\n${worker}\`\`\`\n`)
  })

  test('is as short as it is said to be', () => {
    const lines = worker.trimEnd().split('\n')
    expect(lines.filter((line) => !line.startsWith('//')).length).toBeLessThanOrEqual(LINES_MOST)
    expect(read('README.md')).toContain(`## A worker in ${LINES_MOST} lines`)
  })
})
