// An export in a file. It grows under another name, `<file>.part`, and gets its own when it is whole: so a file that has
// the name is never one that was broken off, and what was broken off is there to be continued.
import { createReadStream, createWriteStream, existsSync, constants as files } from 'node:fs'
import { access, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import type { LogForReading } from '@assistant-ledger/event-log'
import { syncPath } from '../backup/files.js'
import { AlteredExport } from '../import/altered.js'
import { type Unfinished, unfinishedExport } from '../import/read.js'
import { lockPart } from '../part.js'
import { type ExportOptions, type ExportStanding, exportLines } from './export.js'

/** Names end so where the lines are compressed. */
const GZ = '.gz'
const PIECE_BYTES = 1024 * 1024

/** There is a file of that name, or none to be continued. One line, with what to do. */
export class ExportFileInTheWay extends Error {
  override readonly name = 'ExportFileInTheWay'
}

export const partOf = (file: string): string => `${file}.part`
/** What is copied into a new part while an export goes on. */
const oldOf = (part: string): string => `${part}.old`

/**
 * The bytes of an export, decompressed where its name says so. What was cut gives what is there, and ends: its lines say
 * that it was.
 */
export const openExport = (file: string): AsyncIterable<Buffer> => opened(file, constants.Z_SYNC_FLUSH)

/** @param finishFlush whether compressed bytes that end too early are an error */
function opened(file: string, finishFlush: number): AsyncIterable<Buffer> {
  const bytes = createReadStream(file, { highWaterMark: PIECE_BYTES })
  if (!file.replace(/\.part(\.old)?$/, '').endsWith(GZ)) return bytes
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES, finishFlush })
  bytes.on('error', (error) => gunzip.destroy(error))
  return bytes.pipe(gunzip)
}

/**
 * Exports into a file, compressed where its name ends with `.gz`.
 * @throws ExportFileInTheWay
 * @throws AlteredExport what is to be continued was altered
 * @throws AlteredLog an event cannot be written as a line
 * @throws LogUnavailable
 */
export async function exportToFile(
  log: LogForReading,
  file: string,
  { continues, ...options }: ExportOptions & { readonly continues: boolean },
): Promise<ExportStanding> {
  await access(dirname(file), files.W_OK)
  const part = partOf(file)
  const unlock = lockPart(part)
  if (!unlock)
    throw new ExportFileInTheWay(`another export writes ${part}: name another file, or let that one end`)
  try {
    if (existsSync(file)) throw new ExportFileInTheWay(`${file} is there already: name another, or remove it`)
    const found = continues ? await foundIn(part) : undefined
    if (!continues) for (const one of [part, oldOf(part)]) await rm(one, { force: true })
    const isWhole = found?.ended === true && (await isReadable(part))
    const standing = isWhole ? found.standing : await write(log, file, found, options)
    await rm(oldOf(part), { force: true })
    await rename(part, file)
    await syncPath(dirname(file))
    return standing
  } finally {
    await unlock()
  }
}

/**
 * What was broken off, afterwards always under the part's own name. An export that was broken off while it went on with
 * another leaves both, or the old one alone: the one that has more is gone on with.
 */
async function foundIn(part: string): Promise<Unfinished | undefined> {
  const old = oldOf(part)
  if (!existsSync(part) && !existsSync(old))
    throw new ExportFileInTheWay(`there is no ${part} to be continued: export without --continue`)
  const [inPart, inOld] = [await unfinishedIn(part), await unfinishedIn(old)]
  if (inOld && inOld.bytes > (inPart?.bytes ?? 0)) {
    await rename(old, part)
    return inOld
  }
  await rm(old, { force: true })
  return inPart
}

/** Whether its compression, if it has one, has its end too. */
async function isReadable(part: string): Promise<boolean> {
  try {
    for await (const _ of opened(part, constants.Z_FINISH));
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'Z_BUF_ERROR') return false
    throw error
  }
}

async function unfinishedIn(file: string): Promise<Unfinished | undefined> {
  if (!existsSync(file)) return undefined
  try {
    return await unfinishedExport(openExport(file))
  } catch (error) {
    if (!(error instanceof AlteredExport)) throw error
    throw new AlteredExport(`${file}: ${error.message}. Remove it, and export without --continue`)
  }
}

/** Into a new file: what is there is copied up to its last whole line, since compressed bytes cannot be gone on with. */
async function write(
  log: LogForReading,
  file: string,
  found: Unfinished | undefined,
  options: ExportOptions,
): Promise<ExportStanding> {
  let standing = found?.standing
  const lines = exportLines(log, {
    ...options,
    ...(standing ? { from: standing } : {}),
    onProgress: (now) => {
      standing = now
      options.onProgress?.(now)
    },
  })
  const part = partOf(file)
  const old = oldOf(part)
  if (found) await rename(part, old)
  const handle = await open(part, found ? 'wx' : 'w')
  try {
    const all = Readable.from(found ? wholeLines(old, found.bytes, lines) : lines)
    const to = createWriteStream(part, { fd: handle.fd, autoClose: false })
    if (file.endsWith(GZ)) await pipeline(all, createGzip({ chunkSize: PIECE_BYTES }), to)
    else await pipeline(all, to)
    await handle.sync()
    if ((await stat(part).catch(() => undefined))?.ino !== (await handle.stat()).ino)
      throw new ExportFileInTheWay(`${part} was removed or replaced meanwhile: export again`)
  } finally {
    // A stream that failed has closed it.
    await handle.close().catch(() => undefined)
  }
  return standing as ExportStanding
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
