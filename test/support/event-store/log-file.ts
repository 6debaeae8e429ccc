// The stand-in's only storage: one file to which records are appended, each with its length and checksum before it.
// What `append` returned from is on the disk. What a killed process left half written is cut off at the next open.
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

/** What stands before a record in the file. */
export const RECORD_HEAD_BYTES = 8

export interface LogRecord {
  readonly bytes: Buffer
  /** Where in the file its first byte is. */
  readonly at: number
}

export class LogFile {
  private constructor(private readonly file: FileHandle) {}

  /** Opens or creates the file; gives the whole records that it holds, oldest first, and where the next one goes. */
  static async open(
    path: string,
  ): Promise<{ readonly file: LogFile; readonly records: readonly LogRecord[]; readonly end: number }> {
    const file = await open(path, 'a+')
    const { records, end } = wholeRecords(await file.readFile())
    await file.truncate(end)
    return { file: new LogFile(file), records, end }
  }

  /** Writes all records and waits for the disk, once. */
  async append(records: readonly Buffer[]): Promise<void> {
    const parts = records.flatMap((record) => {
      const head = Buffer.allocUnsafe(RECORD_HEAD_BYTES)
      head.writeUInt32LE(record.length, 0)
      head.writeUInt32LE(crc32(record), 4)
      return [head, record]
    })
    await this.file.appendFile(Buffer.concat(parts))
    await this.file.datasync()
  }
}

function wholeRecords(content: Buffer): { readonly records: LogRecord[]; readonly end: number } {
  const records: LogRecord[] = []
  let end = 0
  while (end + RECORD_HEAD_BYTES <= content.length) {
    const at = end + RECORD_HEAD_BYTES
    const length = content.readUInt32LE(end)
    const bytes = content.subarray(at, at + length)
    if (bytes.length < length || crc32(bytes) !== content.readUInt32LE(end + 4)) break
    records.push({ bytes, at })
    end = at + length
  }
  return { records, end }
}
