// An event as the stand-in keeps it, and the bytes of a transaction: the events that are written together or not at all.
// A position is, as in the real log, where the event's bytes begin: it grows by what was written, never by one.

export interface NewEvent {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

/** An event with its place in its stream. */
export interface PlacedEvent extends NewEvent {
  readonly stream: string
  /** Decimal, as on the wire: a tombstone's is the greatest 64-bit number. */
  readonly revision: string
  /** 100-nanosecond ticks since 1970, decimal. */
  readonly created: string
}

export interface StoredEvent extends PlacedEvent {
  readonly position: number
  /** Where its bytes end. */
  readonly end: number
}

type Head = Omit<PlacedEvent, 'data' | 'metadata'> & { readonly lengths: readonly [number, number] }

const LENGTH_BYTES = 4

/** @param at where the transaction's first byte will be */
export function encodeTransaction(
  placed: readonly PlacedEvent[],
  at: number,
): { readonly bytes: Buffer; readonly events: readonly StoredEvent[] } {
  const blocks = placed.map(encode)
  let end = at
  const events = placed.map((event, i) => {
    const position = end
    end += blocks[i]?.length ?? 0
    return { ...event, position, end }
  })
  return { bytes: Buffer.concat(blocks), events }
}

export function decodeTransaction(bytes: Buffer, at: number): StoredEvent[] {
  const events: StoredEvent[] = []
  let next = 0
  const take = (length: number) => {
    next += length
    return bytes.subarray(next - length, next)
  }
  while (next < bytes.length) {
    const position = at + next
    const { lengths, ...head } = JSON.parse(take(take(LENGTH_BYTES).readUInt32LE()).toString('utf8')) as Head
    const [data, metadata] = lengths.map(take) as [Buffer, Buffer]
    events.push({ ...head, data, metadata, position, end: at + next })
  }
  return events
}

function encode({ data, metadata, ...head }: PlacedEvent): Buffer {
  const text = Buffer.from(
    JSON.stringify({ ...head, lengths: [data.length, metadata.length] } satisfies Head),
  )
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text, data, metadata])
}
