// The stand-in's only storage: one file to which records are appended, each with its length and checksum before it.
// What `append` returned from is on the disk. What a killed process left half written is cut off at the next open.
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

const HEAD_BYTES = 8

export class LogFile {
  private constructor(private readonly file: FileHandle) {}

  /** Opens or creates the file; gives the whole records that it holds, oldest first. */
  static async open(path: string): Promise<{ readonly file: LogFile; readonly records: readonly Buffer[] }> {
    const file = await open(path, 'a+')
    const { records, end } = wholeRecords(await file.readFile())
    await file.truncate(end)
    return { file: new LogFile(file), records }
  }

  /** Writes all records and waits for the disk, once. */
  async append(records: readonly Buffer[]): Promise<void> {
    const parts = records.flatMap((record) => {
      const head = Buffer.allocUnsafe(HEAD_BYTES)
      head.writeUInt32LE(record.length, 0)
      head.writeUInt32LE(crc32(record), 4)
      return [head, record]
    })
    await this.file.appendFile(Buffer.concat(parts))
    await this.file.datasync()
  }
}

function wholeRecords(content: Buffer): { readonly records: Buffer[]; readonly end: number } {
  const records: Buffer[] = []
  let end = 0
  while (end + HEAD_BYTES <= content.length) {
    const start = end + HEAD_BYTES
    const record = content.subarray(start, start + content.readUInt32LE(end))
    if (record.length < content.readUInt32LE(end) || crc32(record) !== content.readUInt32LE(end + 4)) break
    records.push(record)
    end = start + record.length
  }
  return { records, end }
}
