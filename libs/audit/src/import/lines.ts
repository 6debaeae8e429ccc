// The lines of a file, as it comes in pieces.
import { AlteredExport } from './altered.js'

/** Bytes of one line: an event's data and metadata of at most 1 MiB, of which every character may be escaped twice. */
const MOST_LINE_BYTES = 16 * 1024 * 1024

const NEWLINE = 0x0a

/** A line without its end, and how many bytes of the file go up to behind that end. */
export interface Line {
  readonly text: string
  readonly through: number
}

/**
 * Yields the whole lines. What stands behind the last end of line is no line.
 * @throws AlteredExport a line is longer than any export's
 */
export async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0)
  let through = 0
  let lines = 0
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      through += end + 1 - from
      lines += 1
      yield { text: bytes.toString('utf8', from, end), through }
      from = end + 1
    }
    rest = bytes.subarray(from)
    if (rest.length > MOST_LINE_BYTES)
      throw new AlteredExport(`line ${lines + 1} has more than 16 MiB: it is no line of an export`)
  }
}
