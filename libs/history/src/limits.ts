// What a question about the past may cost, in one place.

export const HISTORY_LIMITS = {
  /** Entries of a page. */
  page: 1_000,
  defaultPage: 100,
  /** Events that are read for one page; past it the page ends with what it has, and a cursor. */
  scanned: 10_000,
  /** Characters of a page's entries; the one that passes it is the last one in. */
  pageSize: 256 * 1024,
  /** Events of streams that are remembered between questions, by what is needed of each. */
  remembered: 200_000,
  /** Characters of a version's metadata that are remembered; larger ones are read again. */
  metadata: 2_000,
  /** Pairs of parts that two arrays are compared by, element by element; larger ones are replaced whole. */
  arrayPairs: 20_000,
  /** What comparing the words of all texts of two contents may cost, in steps; then whole texts stand for each other. */
  wordSteps: 2_000_000,
  /** Words that may differ in one text. */
  words: 1_000,
  /** From so many characters on a text is shown by its words. */
  longText: 60,
  /** Characters of what is equal that are shown beside a difference. */
  around: 40,
  /** Characters of a value in a line of text. */
  valueInLine: 120,
  /** Characters of a JSON pointer. */
  pointer: 1_000,
  /** Characters of a point. */
  point: 100,
} as const
