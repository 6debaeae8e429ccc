// What follows from the past: a way back, the impact of a promotion, and what is behind a run.
import {
  type Content,
  canonical,
  contentHash,
  decide,
  EMPTY,
  fold,
  type JsonObject,
  type Recorded,
  type State,
} from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { HistoryEntry } from './entries.js'
import { impactOf } from './impact.js'
import { revertOf } from './revert.js'
import { explain, ranIn } from './why.js'

const ID = '0195b1f6-2f6a-7c7c-9d6e-111111111111'
const content = (more: Partial<Content> = {}): Content => ({
  graph_id: 'writer',
  name: 'Blog',
  description: null,
  config: {},
  context: {},
  metadata: {},
  ...more,
})

describe('a way back', () => {
  const values = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'), { maxKeys: 2 })
  const patches = fc.record(
    {
      name: fc.constantFrom('one', 'two'),
      description: fc.constantFrom('some', 'other'),
      graph_id: fc.constantFrom('writer', 'editor'),
      metadata: values,
      context: values,
      config: fc.record({ tags: fc.constant(['t']), configurable: values }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>

  test('gives the old content as a new version, but for what an update cannot take back', () => {
    fc.assert(
      fc.property(fc.array(patches, { minLength: 1, maxLength: 6 }), fc.nat(), (all, which) => {
        let state: State = EMPTY
        const contents: Content[] = []
        const send = (patch: JsonObject) => {
          const first = contents.length === 0
          const decision = decide(
            state,
            first
              ? {
                  type: 'create',
                  assistant_id: ID,
                  content: { graph_id: 'writer', ...patch },
                  if_exists: 'raise',
                }
              : { type: 'change', patch, promote_to: 'live' },
            {
              stream: `assistant.default-${ID}`,
              commandId: String(contents.length),
              commandHash: 'h',
              keyed: false,
              actor: { id: 'a', verified: true, via: 'http' },
              now: '2026-01-01T00:00:00.000000+00:00',
              salts: ['1', '2'],
              environments: new Set(['live']),
            },
          )
          if (decision.type !== 'events') return
          const from = state.head ? state.head.revision + 1n : 0n
          const recorded = decision.events.map(
            ({ type, data, metadata }, n) =>
              ({ revision: from + BigInt(n), event: { type, data }, metadata }) as Recorded,
          )
          state = fold(state, recorded)
          const made = state.life?.contents.get(state.life.highest)
          if (made) contents.push(made)
        }
        for (const patch of all) send(patch)
        const then = contents[which % contents.length]
        const now = contents.at(-1)
        if (!then || !now) return
        const { patch, left } = revertOf(now, then)
        if (patch) send(patch as unknown as JsonObject)
        const back = contents.at(-1) as Content
        const kept = Object.fromEntries(
          left.flatMap((pointer) => {
            const key = pointer.slice('/metadata/'.length)
            return pointer.startsWith('/metadata/') ? [[key, now.metadata[key] as string]] : []
          }),
        )
        expect(canonical(back)).toBe(
          canonical({
            ...then,
            description: left.includes('/description') ? now.description : then.description,
            metadata: { ...then.metadata, ...kept },
          }),
        )
        expect(patch === undefined).toBe(canonical(back) === canonical(now) && contents.at(-1) === now)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the impact of a promotion', () => {
  const runner = (name: string, more: object = {}) => ({
    runner: name,
    instance: `${name}-1`,
    environment: 'live',
    graphs: ['writer'],
    state: 'live',
    ...more,
  })
  const candidate = { generation: 1, version: 3, content: content({ context: { model: 'b' } }) }
  const present = { generation: 1, version: 2, content: content({ context: { model: 'a' } }) }
  const environments = [
    { environment: 'live', version: 2 },
    { environment: 'staging', version: 3 },
  ]
  const of = { assistantId: ID, environment: 'live', candidate, present, environments }

  test('names what changes, whom it reaches, and who refused it before', () => {
    const word = {
      instance: 'x',
      environment: 'live',
      revision: 1,
      at: 'T',
      hash: contentHash(candidate.content),
    }
    const impact = impactOf({
      ...of,
      runners: [
        runner('eu'),
        runner('us'),
        runner('test', { environment: 'staging' }),
        runner('away', { state: 'gone' }),
        runner('other', { graphs: ['editor'] }),
        runner('named', { assistants: ['another'] }),
      ],
      reports: [
        { ...word, runner: 'eu', status: 'rejected', reason: 'no such model' },
        // The newer word counts.
        { ...word, runner: 'us', status: 'active' },
        { ...word, runner: 'us', status: 'rejected', reason: 'old' },
      ],
      violations: [{ pointer: '/context/model', message: 'must be a' }],
    })
    expect(impact).toMatchObject({
      from: expect.stringContaining('@1.2#'),
      to: expect.stringContaining('@1.3#'),
      text: 'context.model: "a" → "b"',
      shown_in: ['staging'],
      reached: [{ runner: 'eu' }, { runner: 'us' }],
      lost: [],
      would_refuse: [{ runner: 'eu', instance: 'eu-1', reason: 'no such model', at: 'T' }],
      violations: [{ pointer: '/context/model' }],
    })
  })

  test('names the runners that would lose what moves to another graph, and an environment that shows nothing yet', () => {
    const moved = { ...candidate, content: content({ graph_id: 'editor' }) }
    const runners = [
      runner('writers'),
      runner('editors', { graphs: ['editor'] }),
      runner('both', { graphs: ['writer', 'editor'] }),
    ]
    const impact = impactOf({ ...of, candidate: moved, runners })
    expect(impact.reached.map((one) => one.runner)).toEqual(['editors', 'both'])
    expect(impact.lost.map((one) => one.runner)).toEqual(['writers'])
    const first = impactOf({ ...of, present: undefined, runners })
    expect([first.from, first.lost, first.reached.length]).toEqual([null, [], 2])
    expect(first.changes.length).toBeGreaterThan(0)
  })
})

describe('what is behind a run', () => {
  const hash = contentHash(content())
  const ref = `${ID}@2.3#${hash.slice(0, 16)}`

  test('is found by a reference, or by metadata wherever a trace has it', () => {
    const named = { assistantId: ID, generation: 2, version: 3, hash: hash.slice(0, 16) }
    expect(ranIn(ref)).toEqual(named)
    const metadata = { assistant_ref: ref, assistant_id: ID, environment: 'live', thread_id: 't' }
    const inLive = { ...named, environment: 'live' }
    for (const trace of [metadata, { metadata }, { extra: { metadata } }])
      expect(ranIn(trace)).toEqual(inLive)
    expect(ranIn({ assistant_id: ID.toUpperCase(), assistant_version: 3, assistant_hash: hash })).toEqual({
      assistantId: ID,
      version: 3,
      hash,
    })
    expect(ranIn({ output: {}, ref })).toEqual(ranIn(ref))
    for (const nothing of ['x', {}, { assistant_id: 'x', assistant_version: 1 }, null, 3, [ref]])
      expect(ranIn(nothing as never)).toBeUndefined()
  })

  test('is its content, who made it, how it got there, and what runners said', () => {
    const entry = (more: Partial<HistoryEntry>): HistoryEntry => ({
      position: '1',
      revision: 1,
      at: 'T',
      type: 'VersionPromoted',
      assistant_id: ID,
      generation: 2,
      version: 3,
      what: '',
      ...more,
    })
    const report = {
      runner: 'eu',
      instance: 'i',
      revision: 1,
      status: 'active',
      at: 'T',
      generation: 2,
    } as const
    const entries = [
      entry({ position: '9', environment: 'live' }),
      entry({
        position: '8',
        type: 'RunnersReported',
        reports: [
          { ...report, environment: 'live', version: 3 },
          { ...report, environment: 'live', version: 2 },
          { ...report, environment: 'staging', version: 3 },
        ],
      }),
      entry({ position: '7', environment: 'staging' }),
      entry({ position: '6', type: 'ConfigChanged', reason: 'for spring' }),
      entry({ position: '5', type: 'ConfigChanged', version: 2 }),
      entry({ position: '4', type: 'ConfigChanged', generation: 1 }),
    ]
    const ran = { ...(ranIn(ref) as NonNullable<ReturnType<typeof ranIn>>), environment: 'live' }
    const why = explain(ran, { generation: 2, version: 3, ...content() }, entries)
    expect(why).toMatchObject({ ref, matches: true, made: { position: '6', reason: 'for spring' } })
    expect(why.promotions.map(({ position }) => position)).toEqual(['9'])
    expect(why.reports).toEqual([{ ...report, environment: 'live', version: 3 }])
    expect(
      explain({ ...ran, hash: '0'.repeat(16) }, { generation: 2, version: 3, ...content() }, []).matches,
    ).toBe(false)
  })
})
