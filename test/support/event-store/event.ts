// An event as the stand-in keeps it, and the bytes of a transaction: the events that are written together or not at all.

export interface NewEvent {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export interface StoredEvent extends NewEvent {
  readonly stream: string
  /** Decimal, as on the wire: a tombstone's is the greatest 64-bit number. */
  readonly revision: string
  readonly position: number
  /** 100-nanosecond ticks since 1970, decimal. */
  readonly created: string
}

/** What a record of the real log holds besides names and content: positions leave such gaps. */
const OVERHEAD_BYTES = 100

/** By how much an event moves the log's position. */
export function sizeOf(event: NewEvent, stream: string): number {
  return OVERHEAD_BYTES + stream.length + event.type.length + event.data.length + event.metadata.length
}

type Head = Omit<StoredEvent, 'data' | 'metadata'> & { readonly lengths: readonly [number, number] }

export function encodeTransaction(events: readonly StoredEvent[]): Buffer {
  const heads = events.map(({ data, metadata, ...head }) => ({
    ...head,
    lengths: [data.length, metadata.length],
  }))
  const head = Buffer.from(JSON.stringify(heads))
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, ...events.flatMap(({ data, metadata }) => [data, metadata])])
}

export function decodeTransaction(bytes: Buffer): StoredEvent[] {
  let at = 4 + bytes.readUInt32LE(0)
  const take = (length: number) => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const heads = JSON.parse(bytes.toString('utf8', 4, at)) as Head[]
  return heads.map(({ lengths: [data, metadata], ...head }) => ({
    ...head,
    data: take(data),
    metadata: take(metadata),
  }))
}
