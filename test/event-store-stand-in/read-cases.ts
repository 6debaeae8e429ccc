// What reads of a stream of a hundred events give, from where, in which direction, under which metadata.
import type { Server } from './observe.js'
import { event, events, freshStream, revisions } from './observe.js'

type From = bigint | 'start' | 'end'

interface ReadCase {
  readonly metadata?: object
  readonly direction: 'forwards' | 'backwards'
  readonly from: From
  readonly limit?: number
  readonly gives: string
}

const LENGTH = 100
const CANNOT = 'unknown: 2 UNKNOWN: Unexpected ReadStreamResult: Error'

const forwards = (from: From, limit: number | undefined, gives: string, metadata?: object): ReadCase => ({
  direction: 'forwards',
  from,
  gives,
  ...(limit === undefined ? {} : { limit }),
  ...(metadata ? { metadata } : {}),
})
const backwards = (from: From, limit: number | undefined, gives: string, metadata?: object): ReadCase => ({
  ...forwards(from, limit, gives, metadata),
  direction: 'backwards',
})

export const READ_CASES: readonly ReadCase[] = [
  forwards('start', 3, '0 1 2'),
  forwards('end', 3, CANNOT),
  forwards(0n, 1, '0'),
  forwards(97n, undefined, '97 98 99'),
  forwards(99n, 5, '99'),
  forwards(100n, 5, ''),
  forwards(5_000n, undefined, ''),
  forwards(9_223_372_036_854_775_807n, 1, ''),
  forwards(18_446_744_073_709_551_615n, 1, CANNOT),
  forwards('start', 0, CANNOT),
  backwards('start', 3, '0'),
  backwards('end', 3, '99 98 97'),
  backwards(0n, undefined, '0'),
  backwards(2n, undefined, '2 1 0'),
  backwards(98n, 2, '98 97'),
  backwards(100n, 2, '99 98'),
  backwards(5_000n, 1, '99'),
  backwards(18_446_744_073_709_551_615n, 1, '99'),
  forwards('start', undefined, '97 98 99', { $maxCount: 3 }),
  forwards(50n, 2, '97 98', { $maxCount: 3 }),
  backwards('end', undefined, '99 98 97', { $maxCount: 3 }),
  backwards(97n, undefined, '97', { $maxCount: 3 }),
  backwards(50n, undefined, '', { $maxCount: 3 }),
  forwards('start', 2, '90 91', { $tb: 90 }),
  backwards(91n, undefined, '91 90', { $tb: 90 }),
  forwards('start', undefined, '98 99', { $tb: 90, $maxCount: 2 }),
  forwards('start', undefined, '', { $tb: 100 }),
  backwards('end', undefined, '', { $tb: 500 }),
  forwards('start', 1, '0', { $maxAge: 1_000 }),
]

export const nameOf = ({ direction, from, limit, metadata }: ReadCase): string =>
  `${direction} from ${from}, ${limit ?? 'no'} limit, ${metadata ? JSON.stringify(metadata) : 'no metadata'}`

export async function given(server: Server, { metadata, direction, from, limit }: ReadCase): Promise<string> {
  const stream = freshStream()
  await server.append(stream, events(LENGTH), 'no_stream')
  if (metadata) await server.append(`$$${stream}`, [{ ...event(metadata), type: '$metadata' }], 'no_stream')
  const options = { direction, fromRevision: from, ...(limit === undefined ? {} : { maxCount: limit }) }
  return revisions(server.client.readStream(stream, options))
}
