// The text of a file or of the standard input: UTF-8, of a size that somebody may have meant. Anything else would end up
// in a prompt as something that nobody wrote.
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { Failure, unreadable, usage } from './failure.js'

/** More than all contents of a set of assistants have together. */
const MOST_BYTES = 64 * 1024 * 1024

/** @param path `-` is the standard input @throws Failure */
export async function readText(path: string): Promise<string> {
  const where = path === '-' ? 'the standard input' : path
  const bytes = await readBytes(path === '-' ? process.stdin : createReadStream(path), path, where)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Said below.
  }
  throw usage(`${where} is no text in UTF-8; save it as such`)
}

async function readBytes(from: Readable, path: string, where: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of from as AsyncIterable<Buffer>) {
      size += part.length
      if (size > MOST_BYTES)
        throw usage(
          `${where} has more than ${MOST_BYTES / 1024 / 1024} MiB: that is no content; name another file`,
        )
      parts.push(Buffer.from(part))
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw unreadable(path, error)
  }
  return Buffer.concat(parts)
}
