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

  add(id: string, written: Written): void {
    this.remove(id)
    this.entries.set(id, written)
    this.bytes += bytesOf(written)
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= MAX_BYTES) return
      this.remove(oldest)
    }
  }

  private remove(id: string): void {
    const entry = this.entries.get(id)
    if (!entry) return
    this.entries.delete(id)
    this.bytes -= bytesOf(entry)
  }
}

function bytesOf({ stream }: Written): number {
  return ENTRY_BYTES + 2 * stream.length
}
