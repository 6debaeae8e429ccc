import { expect, test } from '@jest/globals'
import { folded } from './folded.js'

const HELP = `Usage: x

Examples:
  $ x list
  $ x show Blog --at "2 hours ago"      # as it was

What it says below is written in lines
that are longer than a narrow terminal.

Exit code 3: no.`

test('help fits the terminal: paragraphs in its lines, what is said of an example above it', () => {
  expect(folded(HELP, 30)).toBe(`Usage: x

Examples:
  $ x list
  # as it was
  $ x show Blog --at "2 hours ago"

What it says below is written
in lines that are longer than
a narrow terminal.

Exit code 3: no.`)
})

test('where it fits it stays as it is', () => {
  expect(folded(HELP, 60)).toBe(HELP)
})
