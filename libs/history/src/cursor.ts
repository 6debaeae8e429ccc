// Where a page of history ended. Opaque to whoever asks: the position before which the next one begins, and where in the
// reports that is, so that they need not be counted again from their end.

export interface Cursor {
  readonly position: bigint
  /** Revision of the fleet stream at or before which the next page goes on. */
  readonly reports?: bigint
}

const FORM = /^(\d{1,19})(?:-(\d{1,16}))?$/
/** The largest position that a log can have: an integer of 64 bits. */
const MOST = 2n ** 63n - 1n

/** @returns undefined for what is no cursor */
export function parseCursor(text: string): Cursor | undefined {
  const [, position, reports] = FORM.exec(text) ?? []
  if (position === undefined || BigInt(position) > MOST) return undefined
  return { position: BigInt(position), ...(reports === undefined ? {} : { reports: BigInt(reports) }) }
}

export const printCursor = ({ position, reports }: Cursor): string =>
  reports === undefined ? `${position}` : `${position}-${reports}`
