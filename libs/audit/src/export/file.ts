// An export in a file. It grows under another name, `<file>.part`, and gets its own when it is whole: so a file that has
// the name is never one that was broken off, and what was broken off is there to be continued.
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat, truncate } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { LogForReading } from '@assistant-ledger/event-log'
import { unfinishedExport } from '../import/read.js'
import { type ExportOptions, type ExportStanding, exportLines } from './export.js'

/** Names end so where the lines are compressed. */
const GZ = '.gz'
const PIECE_BYTES = 1024 * 1024

/** There is a file of that name, or none to be continued. One line, with what to do. */
export class ExportFileInTheWay extends Error {
  override readonly name = 'ExportFileInTheWay'
}

export const partOf = (file: string): string => `${file}.part`

/** The bytes of an export, decompressed where its name says so. */
export function openExport(file: string): AsyncIterable<Buffer> {
  const bytes = createReadStream(file, { highWaterMark: PIECE_BYTES })
  if (!file.replace(/\.part(\.old)?$/, '').endsWith(GZ)) return bytes
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES })
  bytes.on('error', (error) => gunzip.destroy(error))
  return bytes.pipe(gunzip)
}

/**
 * Exports into a file, compressed where its name ends with `.gz`.
 * @throws ExportFileInTheWay
 * @throws AlteredExport what is to be continued was altered
 * @throws LogUnavailable
 */
export async function exportToFile(
  log: LogForReading,
  file: string,
  { continues, ...options }: ExportOptions & { readonly continues: boolean },
): Promise<ExportStanding> {
  if (await isThere(file))
    throw new ExportFileInTheWay(`${file} is there already: name another, or remove it`)
  const part = partOf(file)
  const found = continues ? await standingOf(part) : undefined
  if (found === 'none')
    throw new ExportFileInTheWay(`there is no ${part} to be continued: export without --continue`)
  let standing = found?.standing
  const lines = exportLines(log, {
    ...options,
    ...(standing ? { from: standing } : {}),
    onProgress: (now) => {
      standing = now
      options.onProgress?.(now)
    },
  })
  await write(lines, file, part, found)
  const handle = await open(part)
  await handle.sync()
  await handle.close()
  await rename(part, file)
  return standing as ExportStanding
}

async function write(
  lines: AsyncGenerator<Buffer>,
  file: string,
  part: string,
  found: { readonly bytes: number } | undefined,
): Promise<void> {
  if (!file.endsWith(GZ)) {
    if (found) await truncate(part, found.bytes)
    return pipeline(Readable.from(lines), createWriteStream(part, { flags: found ? 'a' : 'w' }))
  }
  // What is compressed cannot be cut at the end of a line: its whole lines are compressed again.
  const old = `${part}.old`
  if (found) await rename(part, old)
  const all = found ? wholeLines(old, found.bytes, lines) : lines
  await pipeline(Readable.from(all), createGzip({ chunkSize: PIECE_BYTES }), createWriteStream(part))
  await rm(old, { force: true })
}

async function* wholeLines(part: string, bytes: number, more: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = bytes
  for await (const piece of openExport(part)) {
    yield piece.subarray(0, left)
    left -= piece.length
    if (left <= 0) break
  }
  yield* more
}

async function standingOf(part: string) {
  if (!(await isThere(part))) return 'none'
  return unfinishedExport(upToItsEnd(openExport(part)))
}

/** A compressed file that was cut says so when its end is reached; by then everything before has been read. */
async function* upToItsEnd(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'Z_BUF_ERROR') throw error
  }
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )
