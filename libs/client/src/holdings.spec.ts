// What a worker holds when checks are slow and buckets are repaired: it never goes back, and gets back what was lost.
import { beforeEach, describe, expect, test } from '@jest/globals'
import { ABSENCES_MOST } from './absences.js'
import { contentHash } from './canonical.js'
import { Emitter } from './emitter.js'
import type { FollowEvents } from './events.js'
import { Holdings } from './holdings.js'
import { configKey } from './names.js'
import type { Configuration, Tombstone } from './value.js'

const ID = '0b5cf5b0-4a38-4c51-9d4f-8a4b4ba6c9a1'
const LOG = 'log-1'
const MARK = { logId: LOG, epoch: 1, position: 100n }

const key = (graph = 'writer') => configKey('live', graph, ID)
const order = (revision: number) => ({
  logId: LOG,
  epoch: 1,
  position: BigInt(revision),
  assistantId: ID,
  revision,
})
const configuration = (revision: number, graph = 'writer'): Configuration => {
  const fields = { name: `at ${revision}`, description: null, config: {}, context: {}, metadata: {} }
  const content = { graph_id: graph, ...fields }
  const named = { generation: 1, version: revision + 1, contentHash: contentHash(content) }
  return { type: 'live', ...order(revision), ...named, content, promotedAt: undefined, promotedBy: undefined }
}
const tombstone = (revision: number, type: Tombstone['type'], to?: string): Tombstone => ({
  type,
  ...order(revision),
  to,
})

describe('holdings', () => {
  /** What settles the check of a revision that waits. */
  let checks: Map<number, (result: true | string) => void>
  let slow: Set<number>
  let followed: string | undefined
  let said: string[]
  let holdings: Holdings
  const offer = (value: Configuration | Tombstone, graph = 'writer') =>
    holdings.offer(() => followed, key(graph), value, 'live')
  const swept = (graph: string, has: boolean) =>
    holdings.sweep(graph, `live.${graph}.`, () => has, { ...MARK })

  beforeEach(() => {
    checks = new Map()
    slow = new Set()
    followed = LOG
    said = []
    const events = new Emitter<FollowEvents>()
    events.on('reload', ({ assistant }) => said.push(`reload ${assistant.name}`))
    events.on('rejected', ({ reason }) => said.push(`rejected ${reason}`))
    events.on('removed', ({ reason }) => said.push(`removed ${reason}`))
    holdings = new Holdings({
      environment: 'live',
      graphs: new Set(['writer', 'editor']),
      wanted: undefined,
      validate: ({ version }) =>
        slow.has(version - 1)
          ? new Promise<true | string>((resolve) => checks.set(version - 1, resolve))
          : undefined,
      events,
      reports: {
        happened: ({ status, revision }) => said.push(`${status} ${revision}`),
        confirmed: () => {},
      },
    })
  })

  test('a check that ends after a newer revision was swapped in swaps nothing and reports nothing', async () => {
    slow.add(1)
    const old = offer(configuration(1))
    await offer(configuration(2))
    checks.get(1)?.(true)
    expect(await old).toBe(false)
    expect(holdings.get(ID)?.version).toBe(3)
    expect(said).toEqual(['reload at 2', 'active 2'])
  })

  test('neither does one that refuses what is outdated', async () => {
    slow.add(1)
    const old = offer(configuration(1))
    await offer(configuration(2))
    checks.get(1)?.('too late')
    await old
    expect(said).toEqual(['reload at 2', 'active 2'])
    expect(await offer(configuration(2))).toBe(false)
  })

  test('an assistant that moved while an older check went on stays where it moved to', async () => {
    await offer(configuration(0))
    slow.add(1)
    const old = offer(configuration(1))
    await offer(tombstone(2, 'moved', 'editor'))
    await offer(configuration(2, 'editor'), 'editor')
    checks.get(1)?.(true)
    await old
    swept('writer', true)
    swept('editor', true)
    expect(holdings.get(ID)).toMatchObject({ graphId: 'editor', version: 3 })
    expect(said).toEqual(['reload at 0', 'active 0', 'reload at 2', 'active 2'])
  })

  test('nor does such a check bring back what was deleted', async () => {
    slow.add(1)
    const old = offer(configuration(1))
    await offer(tombstone(2, 'deleted'))
    checks.get(1)?.(true)
    await old
    expect(holdings.get(ID)).toBeUndefined()
    expect(said).toEqual([])
  })

  test.each([
    ['another log', 'log-2'],
    ['no log any more', undefined],
  ])('a check that ends when %s is followed swaps nothing', async (_, now) => {
    slow.add(1)
    const old = offer(configuration(1))
    followed = now
    checks.get(1)?.(true)
    await old
    expect(holdings.get(ID)).toBeUndefined()
  })

  test('what a sweep took away comes back when the very same is put back, and nothing older does', async () => {
    await offer(configuration(3))
    expect(swept('writer', false)).toBe(true)
    expect(holdings.get(ID)).toBeUndefined()
    await offer(configuration(2))
    expect(holdings.get(ID)).toBeUndefined()
    await offer(configuration(3))
    expect(said).toEqual([
      'reload at 3',
      'active 3',
      'removed unknown',
      'removed 3',
      'reload at 3',
      'active 3',
    ])
  })

  test('what moved is served until the other graph is known to be without it', async () => {
    await offer(configuration(0))
    await offer(tombstone(1, 'moved', 'editor'))
    swept('writer', true)
    expect(holdings.get(ID)?.version).toBe(1)
    holdings.sweep('editor', 'live.editor.', () => false, { ...MARK, position: 0n })
    expect(holdings.get(ID)?.version).toBe(1)
    swept('editor', false)
    expect(holdings.get(ID)).toBeUndefined()
    expect(said.slice(-2)).toEqual(['removed moved', 'removed 0'])
  })

  test('says why something is not held: the last that was said of it', async () => {
    expect(holdings.whyNot(ID)).toBeUndefined()
    slow.add(0)
    const first = offer(configuration(0))
    checks.get(0)?.('no model')
    await first
    expect(holdings.whyNot(ID)).toMatchObject({
      reason: 'rejected',
      detail: expect.stringMatching(/#.*no model$/),
    })
    expect(holdings.rejections).toMatchObject([{ id: ID, kept: undefined, reason: 'no model' }])
    await offer(configuration(1))
    expect(holdings.rejections).toEqual([])
    await offer(tombstone(2, 'moved', 'editor'))
    slow.add(3)
    const moved = offer(configuration(3, 'editor'), 'editor')
    checks.get(3)?.('not there')
    await moved
    swept('editor', true)
    expect(holdings.get(ID)).toBeUndefined()
    expect(holdings.whyNot(ID)).toMatchObject({
      reason: 'rejected',
      detail: expect.stringContaining('not there'),
    })
    await offer(tombstone(4, 'moved', 'poet'), 'editor')
    expect(holdings.whyNot(ID)).toEqual({ reason: 'moved', detail: 'it moved to the graph poet' })
    await offer(configuration(5))
    swept('writer', false)
    expect(holdings.whyNot(ID)).toMatchObject({ reason: 'not-published' })
    await offer(tombstone(6, 'deleted'))
    expect(holdings.whyNot(ID)).toMatchObject({ reason: 'deleted' })
  })

  test('remembers the last rejections, and no more than so many', () => {
    for (let i = 0; i <= ABSENCES_MOST; i++) {
      const unread = { type: 'unusable', reason: `no ${i}`, logId: undefined, epoch: undefined } as const
      holdings.unusable(LOG, 'writer', `id-${i}`, { ...unread, revision: undefined })
    }
    expect(holdings.rejections).toHaveLength(ABSENCES_MOST)
    expect(holdings.whyNot('id-0')).toBeUndefined()
    expect(holdings.whyNot(`id-${ABSENCES_MOST}`)?.detail).toContain(`cannot be used: no ${ABSENCES_MOST}`)
  })
})
