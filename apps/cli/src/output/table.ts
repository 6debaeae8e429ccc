// Lists in columns. On a terminal the widest columns give way until a line fits, on more lines where they may have some, and
// on a narrow one the last ones go; when piped nothing is shortened, and times are ISO, so that a script reads what there is.
import type { ChalkInstance } from 'chalk'
import { duration, relative } from '../time.js'
import { visible } from './visible.js'
import { wrapped } from './wrapped.js'

export interface Column<Row> {
  readonly head: string
  /** Absent: an empty place. */
  readonly of: (row: Row) => string | number | null | undefined
  /** An ISO time: `2 hours ago` on a terminal. */
  readonly time?: boolean
  /** Milliseconds: `1.3 s` on a terminal. */
  readonly duration?: boolean
  readonly align?: 'right'
  /** May be shortened until the line fits; others keep their width for as long as that is enough. */
  readonly shrinks?: boolean
  /** Goes on below itself where it is too narrow, so that all of it can be read; gives way as one that shrinks. */
  readonly wraps?: boolean
  /** At least so wide, so that lists that are printed one after the other stand under each other. */
  readonly least?: number
  /** Not shown on a terminal where no row has anything in it. */
  readonly mayGo?: boolean
  readonly colour?: (text: string, row: Row, colours: ChalkInstance) => string
}

const GAP = '  '
/** A column that gives way keeps that much, or what it is to be at least. */
const LEAST = 8
/** How wide the columns are of lists that are printed one after the other: as the first of them found it right. */
export interface Layout {
  widths?: readonly number[]
  /** Of the terminal, then. */
  width?: number
}

/** The only column that is left when even so the line does not fit. */
const LAST = 1

/** A row as tab-separated text. */
export function tabbed<Row>(columns: readonly Column<Row>[], row: Row): string {
  return columns.map((column) => plain(column.of(row))).join('\t')
}

/**
 * Rows under their heads, if there are to be any, no line wider than the width.
 * @param layout of what was printed before, if this goes on under it; what comes is kept in it
 */
export async function layOut<Row>(
  every: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  colours: ChalkInstance,
  withHeads = true,
  layout?: Layout,
): Promise<string> {
  const { default: widthOf } = await import('string-width')
  // What follows may have something there.
  const mayLeave = layout === undefined
  const all = every.filter(
    ({ mayGo, of }) => !(mayGo && mayLeave) || rows.some((row) => plain(of(row)) !== ''),
  )
  const cells = rows.map((row) => all.map((column) => shown(column, row)))
  const wanted = all.map(({ head, least = 0 }, at) =>
    cells.reduce((most, line) => Math.max(most, widthOf(line[at] ?? '')), Math.max(least, widthOf(head))),
  )
  const widths = layout ? keptIn(layout, all, wanted, width) : fit(all, wanted, width)
  const columns = all.slice(0, widths.length)
  const lineOf = (texts: readonly string[], painted: (text: string, column: Column<Row>) => string) =>
    columns
      .map((column, at) => {
        const text = shorten(texts[at] ?? '', widths[at] ?? 0, widthOf)
        const room = ' '.repeat((widths[at] ?? 0) - widthOf(text))
        const coloured = text === '' ? '' : painted(text, column)
        return column.align === 'right' ? room + coloured : coloured + room
      })
      .join(GAP)
      .trimEnd()
  const heads = lineOf(
    columns.map(({ head }) => head),
    (text) => colours.bold(text),
  )
  const lines = cells.flatMap((line, index) =>
    linesOf(line, columns, widths, widthOf).map((texts) =>
      lineOf(texts, (text, { colour }) => colour?.(text, rows[index] as Row, colours) ?? text),
    ),
  )
  return (withHeads ? [heads, ...lines] : lines).join('\n')
}

/** A row as the lines that it takes: more than one where a cell goes on below itself. */
function linesOf<Row>(
  cells: readonly string[],
  columns: readonly Column<Row>[],
  widths: readonly number[],
  widthOf: (text: string) => number,
): readonly (readonly string[])[] {
  const parts = columns.map(({ wraps }, at) =>
    wraps ? wrapped(cells[at] ?? '', widths[at] ?? 0, widthOf) : [cells[at] ?? ''],
  )
  const count = Math.max(...parts.map(({ length }) => length))
  return Array.from({ length: count }, (_, line) => parts.map((part) => part[line] ?? ''))
}

/** The widths of what was printed before; those of the first list leave its last column all the room that there is. */
function keptIn<Row>(
  layout: Layout,
  columns: readonly Column<Row>[],
  wanted: readonly number[],
  width: number,
): readonly number[] {
  if (layout.widths !== undefined && layout.width === width) return layout.widths
  const widths = fit(columns, wanted, width)
  const taken = widths.reduce((sum, wide) => sum + wide, GAP.length * (widths.length - 1))
  const last = widths.length - 1
  layout.widths = widths.map((wide, at) => (at === last ? wide + Math.max(0, width - taken) : wide))
  layout.width = width
  return layout.widths
}

/**
 * Takes what is too much from the widest of the columns that may give way, then from any, and where even that is not enough
 * leaves out the last column.
 * @returns the widths of the columns that are left
 */
function fit<Row>(columns: readonly Column<Row>[], wanted: readonly number[], width: number): number[] {
  const widths = [...wanted]
  let over = widths.reduce((sum, wide) => sum + wide, GAP.length * (widths.length - 1)) - width
  for (const isWilling of [true, false]) {
    const mayGive = ({ shrinks, wraps }: Column<Row>) => !isWilling || shrinks || wraps
    while (over > 0) {
      let widest = -1
      widths.forEach((wide, at) => {
        const column = columns[at]
        if (!column || !mayGive(column)) return
        const floor = Math.max(LEAST, isWilling ? (column.least ?? 0) : 0)
        if (wide > floor && wide > (widths[widest] ?? 0)) widest = at
      })
      if (widest < 0) break
      widths[widest] = (widths[widest] as number) - 1
      over -= 1
    }
  }
  if (over <= 0) return widths
  return widths.length > LAST ? fit(columns, wanted.slice(0, -1), width) : [width]
}

function shorten(text: string, width: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

function shown<Row>({ of, ...is }: Column<Row>, row: Row): string {
  const value = of(row)
  if (is.time && typeof value === 'string') return relative(value)
  if (is.duration && typeof value === 'number') return duration(value)
  return plain(value)
}

/** On one line, and without what would move the cursor. */
function plain(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what ends a line or begins an escape is no part of a cell
  return visible(String(value).replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' '))
}
