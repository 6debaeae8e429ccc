import { describe, expect, test } from '@jest/globals'
import { Chalk } from 'chalk'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { colourLevel } from './colours.js'
import { type Column, layOut, tabbed } from './table.js'
import { visible } from './visible.js'

interface Row {
  readonly id: string
  readonly name: string
  readonly count: number
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'ID', of: ({ id }) => id },
  { head: 'NAME', of: ({ name }) => name, shrinks: true, colour: (text, _, { cyan }) => cyan(text) },
  { head: 'COUNT', of: ({ count }) => count, align: 'right' },
]
const rows = fc.array(
  fc.record({
    id: fc.constantFrom('a1', 'b2'),
    name: fc.string({ unit: 'grapheme', maxLength: 60 }),
    count: fc.nat(),
  }),
  { minLength: 1, maxLength: 5 },
)

describe('a list', () => {
  test('has no column that may go where nothing is in it', async () => {
    const columns = [...COLUMNS, { head: 'ON', of: ({ id }: Row) => (id === 'b2' ? 'x' : ''), mayGo: true }]
    const headsOf = async (id: string) => {
      const text = await layOut(columns, [{ id, name: '', count: 1 }], 80, new Chalk({ level: 0 }))
      return text.split('\n')[0]?.split(/ +/)
    }
    expect(await headsOf('a1')).toEqual(['ID', 'NAME', 'COUNT'])
    expect(await headsOf('b2')).toEqual(['ID', 'NAME', 'COUNT', 'ON'])
  })

  test('is as wide as the terminal at most, with as many lines as rows, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.integer({ min: 1, max: 200 }),
        fc.constantFrom(0, 1),
        async (all, width, level) => {
          const text = await layOut(COLUMNS, all, width, new Chalk({ level: level as 0 | 1 }))
          const lines = text.split('\n')
          expect(lines).toHaveLength(all.length + 1)
          for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  test('shortens only what may be, and aligns', async () => {
    const all = [
      { id: 'a', name: 'short', count: 7 },
      { id: 'bb', name: 'a name that is too long', count: 12 },
    ]
    expect(await layOut(COLUMNS, all, 22, new Chalk({ level: 0 }))).toBe(
      ['ID  NAME         COUNT', 'a   short            7', 'bb  a name tha…     12'].join('\n'),
    )
  })

  test('aligns by what letters take on a screen: two columns, one, or none', async () => {
    const names = ['plain', '日本語', 'e\u0301te\u0301', '👩‍👩‍👧 tea', '\u200bthin']
    const all = names.map((name, at) => ({ id: 'a', name, count: at }))
    const [, ...lines] = (await layOut(COLUMNS, all, 200, new Chalk({ level: 0 }))).split('\n')
    expect(lines.map((line) => stringWidth(line))).toEqual(lines.map(() => stringWidth(lines[0] ?? '')))
    const cut = await layOut(
      COLUMNS,
      [{ id: 'a', name: '日本語日本語日本語', count: 1 }],
      21,
      new Chalk({ level: 0 }),
    )
    expect(cut.split('\n')[1]).toBe('a   日本語日…       1')
  })

  test('has on a narrow terminal what there is room for, the first columns first', async () => {
    const all = [{ id: '0123456789abcdef', name: 'a long name of something', count: 7 }]
    const at = async (width: number) =>
      (await layOut(COLUMNS, all, width, new Chalk({ level: 0 }))).split('\n')
    expect(await at(25)).toEqual(['ID        NAME      COUNT', '0123456…  a long …      7'])
    expect(await at(20)).toEqual(['ID          NAME', '012345678…  a long …'])
    expect(await at(5)).toEqual(['ID', '0123…'])
  })

  test('goes on under what was printed before, without heads', async () => {
    const columns = [{ head: 'ID', of: ({ id }: { id: string }) => id, least: 5 }, ...COLUMNS.slice(2)]
    const rows = [{ id: 'a', name: '', count: 7 }]
    expect(await layOut(columns, rows, 80, new Chalk({ level: 0 }), false)).toBe('a          7')
  })

  test('goes on below itself where a column is too narrow for what has to be read whole', async () => {
    const columns: readonly Column<Row>[] = [
      ...COLUMNS.slice(0, 1),
      { head: 'WHY', of: ({ name }) => name, wraps: true },
    ]
    const why = 'the prompt forgets links supercalifragilisticexpialidocious'
    const text = await layOut(columns, [{ id: 'a', name: why, count: 1 }], 20, new Chalk({ level: 0 }))
    expect(text.split('\n')).toEqual([
      'ID  WHY',
      'a   the prompt',
      '    forgets links',
      '    supercalifragili',
      '    sticexpialidocio',
      '    us',
    ])
  })

  test('keeps the widths of the list that it goes on under', async () => {
    const layout = {}
    const print = (name: string) =>
      layOut(COLUMNS.slice(0, 2), [{ id: 'a', name, count: 7 }], 20, new Chalk({ level: 0 }), false, layout)
    expect([await print('short'), await print('a name that is too long')]).toEqual([
      'a   short',
      'a   a name that is …',
    ])
    expect(layout).toEqual({ widths: [2, 16], width: 20 })
  })

  test('moves no cursor, and keeps a row on its line when piped', () => {
    const evil = { id: '\u001b[2J', name: 'a\tb\nc\u2028\u202egnp', count: 1 }
    expect(tabbed(COLUMNS, evil)).toBe(' [2J\ta b c \ufffdgnp\t1')
    expect(visible('\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b[2J\r\u009b1A\ttab\n')).toBe(
      '\u001b[31mred\u001b[0m \ufffd]0;title\ufffd\ufffd[2J\ufffd\ufffd1A\ttab\n',
    )
  })
})

describe('colours', () => {
  const terminal = { isTTY: true, getColorDepth: () => 8 }
  test.each([
    [true, {}, terminal, 2],
    [true, {}, {}, 0],
    [false, { FORCE_COLOR: '1' }, terminal, 0],
    [true, { NO_COLOR: '1' }, terminal, 0],
    [true, { NO_COLOR: '' }, terminal, 2],
    [true, { TERM: 'dumb' }, terminal, 0],
    [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, {}, 1],
    [true, { FORCE_COLOR: '0' }, terminal, 0],
    [true, { FORCE_COLOR: '3' }, {}, 3],
  ] as const)('--color %s, %j, %j: level %d', (color, environment, stream, level) => {
    expect(colourLevel(color, environment, stream)).toBe(level)
  })
})
