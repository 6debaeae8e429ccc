// The ids of the events written last, as the server keeps them to recognise repeated appends that name no revision:
// bounded, and gone after a restart.

const MAX_BYTES = 8 * 1024 * 1024
/** An entry beside the stream's name, about. */
const ENTRY_BYTES = 64

interface Written {
  readonly stream: string
  readonly revision: number
}

export class RecentIds {
  private readonly entries = new Map<string, Written>()
  private bytes = 0

  get(id: string, stream: string): number | undefined {
    const entry = this.entries.get(id)
    return entry?.stream === stream ? entry.revision : undefined
  }

  /** An id that is there already keeps its first place. */
  add(id: string, written: Written): void {
    if (this.entries.has(id)) return
    this.entries.set(id, written)
    this.bytes += bytesOf(written)
    for (const [oldest, entry] of this.entries) {
      if (this.bytes <= MAX_BYTES) return
      this.entries.delete(oldest)
      this.bytes -= bytesOf(entry)
    }
  }
}

function bytesOf({ stream }: Written): number {
  return ENTRY_BYTES + 2 * stream.length
}
