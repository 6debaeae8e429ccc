// Answers that cannot be sent are not read either: a registry whose memory holds a few of them outlives a crowd of
// clients that ask for all there is.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { BusClient } from '../support/bus.js'
import { type Service, startService } from '../support/service.js'

const ASSISTANTS = 60
const TEXT_BYTES = 500 * 1024
const SEARCHES = 64
/** Far less than all those answers would take. */
const HEAP_MIB = 256
const PREPARED_MS = 120_000

let service: Service
let bus: BusClient
let assistant_id: string

beforeAll(async () => {
  service = await startService({ env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` } })
  bus = service.bus
  const metadata = { suite: 'large', rows: [{ a: 1, b: 1 }], text: 'x'.repeat(TEXT_BYTES) }
  for (let made = 0; made < ASSISTANTS; made++) {
    const answer = await bus.ask('create', { graph_id: 'writer', metadata })
    assistant_id = answer.assistant_id
  }
  for (let made = 0; made < 20; made++) await bus.ask('update', { assistant_id, description: `${made}` })
}, PREPARED_MS)

afterAll(() => service?.stop(), 30_000)

test.each([
  ['all there are', {}],
  ['those that an index finds', { metadata: { suite: 'large' } }],
  ['those that only their contents tell', { metadata: { rows: [{ a: 1, b: 1 }] } }],
])(
  `${SEARCHES} searches at once for %s are each refused as too large, and the service goes on`,
  async (_, filter) => {
    const replies = await Promise.all(
      Array.from({ length: SEARCHES }, () => bus.send('search', { ...filter, limit: 1000 })),
    )
    for (const { status, body } of replies) {
      expect([status, body]).toEqual([413, expect.objectContaining({ code: 'too-large' })])
      expect((body as { detail: string }).detail).toMatch(
        /more than the 8388608 bytes.*by `limit` or `select`$/,
      )
    }
    expect(await bus.ask('count', { metadata: { suite: 'large' } })).toBe(ASSISTANTS)
  },
  PREPARED_MS,
)

test(
  'as many as a reply may have come whole, and fields of all when they are small',
  async () => {
    const pages = await Promise.all(
      Array.from({ length: SEARCHES }, () =>
        bus.ask<unknown[]>('search', { metadata: { suite: 'large' }, limit: 10 }),
      ),
    )
    for (const page of pages) expect(page).toHaveLength(10)
    const names = await bus.send('search', {
      metadata: { suite: 'large' },
      select: ['assistant_id', 'name'],
      limit: 1000,
    })
    expect(names.body).toHaveLength(ASSISTANTS)
    expect(names.headers['x-pagination-total']).toBe(String(ASSISTANTS))
  },
  PREPARED_MS,
)

test('a list of versions that is too large says what makes it smaller', async () => {
  const { status, body } = await bus.send('versions', { assistant_id, limit: 1000 })
  expect([status, body]).toMatchObject([413, { code: 'too-large' }])
  expect((body as { detail: string }).detail).toMatch(/by `limit`$/)
  expect(await bus.ask('versions', { assistant_id, limit: 5, offset: 14 })).toMatchObject(
    [7, 6, 5, 4, 3].map((version) => ({ version })),
  )
})
