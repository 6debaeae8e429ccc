import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Command } from './command.js'
import { CREATE, refusalOf, Stream } from './given.spec-support.js'
import { hashOf } from './seal.js'
import { EMPTY, fold } from './state.js'
import { subjectOf, wasThere } from './subject.js'
import { readEvent, type StoredEvent } from './upcast.js'
import type { SchemaCheck, Violation } from './violations.js'

const VIOLATION: Violation = { pointer: '/context/model', message: 'must be string', descriptor: 'd1' }
const check = (more: Partial<SchemaCheck> = {}): { check: SchemaCheck } => ({
  check: {
    violations: [VIOLATION],
    enforced: false,
    protectedEnvironments: new Set(),
    wasThere: false,
    ...more,
  },
})
const PROTECTED = { protectedEnvironments: new Set(['live']) }
const change = (promote_to?: string): Command => ({
  type: 'change',
  patch: { name: 'b' },
  ...(promote_to === undefined ? {} : { promote_to }),
})
const promote = (version: number, environment = 'live'): Command => ({
  type: 'promote',
  version,
  environment,
})
const ROLLBACK: Command = { type: 'rollback', environment: 'live' }

describe('a content that fits no schema', () => {
  test('is recorded with what was found, by each event that has to do with it', () => {
    const stream = new Stream()
    stream.send(CREATE, check())
    stream.send(change('staging'), check())
    stream.send(promote(2), check())
    stream.send(ROLLBACK, check())
    expect(stream.events).toHaveLength(5)
    for (const { event } of stream.events) expect(event.data).toMatchObject({ violations: [VIOLATION] })
  })

  test('one that fits is recorded without a word', () => {
    const stream = new Stream()
    stream.send(CREATE, check({ violations: [], enforced: true, ...PROTECTED }))
    stream.send(change('live'))
    for (const { event } of stream.events) expect(event.data).not.toHaveProperty('violations')
  })

  test('given that it is enforced, then it is not recorded; what is recorded goes where it likes', () => {
    const stream = new Stream()
    expect(refusalOf(stream.send(CREATE, check({ enforced: true })))).toBe('invalid-config')
    stream.send(CREATE)
    expect(stream.send(change(), check({ enforced: true }))).toMatchObject({
      refusal: { code: 'invalid-config', field: '/context/model', violations: [VIOLATION] },
    })
    stream.send(change())
    expect(stream.send(promote(2), check({ enforced: true })).type).toBe('events')
  })

  test('given a protected environment, then it does not get in there, whichever way', () => {
    const stream = new Stream()
    expect(refusalOf(stream.send(CREATE, check(PROTECTED)))).toBe('invalid-config')
    stream.send(CREATE)
    expect(refusalOf(stream.send(change('live'), check(PROTECTED)))).toBe('invalid-config')
    expect(stream.send(change('staging'), check(PROTECTED)).type).toBe('events')
    expect(stream.send(change(), check(PROTECTED)).type).toBe('events')
    expect(refusalOf(stream.send(promote(2), check(PROTECTED)))).toBe('invalid-config')
    const from: Command = { type: 'promote', environment: 'live', version: { from: 'staging' } }
    expect(refusalOf(stream.send(from, check(PROTECTED)))).toBe('invalid-config')
    const guard = { min_active: 100, within_ms: 1_000, on_reject: 'rollback' } as const
    const guarded = { ...promote(2), guard } as Command
    expect(refusalOf(stream.send(guarded, check(PROTECTED)))).toBe('invalid-config')
    expect(stream.send(promote(3, 'staging'), check(PROTECTED)).type).toBe('events')
  })

  test('given one that was there before, then it goes back, and what was found is noted', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change('live'))
    expect(stream.send(promote(1), check({ ...PROTECTED, wasThere: true })).type).toBe('events')
    expect(stream.events.at(-1)?.event.data).toMatchObject({ version: 1, violations: [VIOLATION] })
    expect(stream.send(ROLLBACK, check({ ...PROTECTED, enforced: true })).type).toBe('events')
  })

  test('given a retry, then its first outcome comes before that', () => {
    const stream = new Stream()
    stream.send(CREATE, { key: 'k' })
    expect(stream.send(CREATE, { key: 'k', ...check({ enforced: true, ...PROTECTED }) }).type).toBe(
      'repeated',
    )
  })

  test('the service itself is not stopped by it', () => {
    const actor = { id: 'system', verified: true, via: 'system' } as const
    expect(new Stream().send(CREATE, { actor, ...check({ enforced: true, ...PROTECTED }) }).type).toBe(
      'events',
    )
  })
})

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.constant(CREATE),
  fc.constantFrom(undefined, 'live', 'staging').map(change),
  fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom('live', 'staging')).map((of) => promote(...of)),
  fc.constant<Command>({ type: 'promote', environment: 'live', version: { from: 'staging' } }),
  fc.constant(ROLLBACK),
  fc.constant<Command>({ type: 'delete' }),
)

describe('whatever came before', () => {
  test('a version that an environment pointed to in this life may go back there, and only such a one', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 30 }), (sent) => {
        const stream = new Stream()
        const seen = new Set<number>()
        let generation = 0
        for (const command of sent) {
          stream.send(command)
          if (stream.state.generation !== generation || !stream.state.life) seen.clear()
          generation = stream.state.generation
          const live = stream.live()
          if (live !== undefined) seen.add(live)
        }
        for (let version = 1; version <= (stream.state.life?.highest ?? 0); version++) {
          const of = { version, environment: 'live' }
          const was = stream.events.reduce((before, { event }) => wasThere(before, event, of), false)
          expect(was).toBe(seen.has(version))
        }
      }),
    )
  })

  test('what is checked beforehand is what is then recorded or pointed to', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 30 }), (sent) => {
        const stream = new Stream()
        for (const command of sent) {
          const subject = subjectOf(stream.state, command)
          const decision = stream.send(command)
          if (decision.type !== 'events' || command.type === 'delete') continue
          const [first] = decision.events
          const data = first?.data as { content?: object; version: number }
          if (subject?.type === 'version') expect(data.version).toBe(subject.version)
          else expect(data.content).toEqual(subject?.content())
          expect(data.content && (data.content as { graph_id: string }).graph_id).toBe(
            subject?.type === 'content' ? subject.graph_id : undefined,
          )
        }
      }),
    )
  })
})

test('stored events with and without what is noted are read alike', () => {
  const golden = JSON.parse(
    readFileSync(new URL('../golden/assistant-stream.noted.schema-1.json', import.meta.url), 'utf8'),
  ) as readonly (Omit<StoredEvent, 'revision'> & { revision: number })[]
  const stored = golden.map((event) => ({ ...event, revision: BigInt(event.revision) }))
  const recorded = stored.map(readEvent)
  expect(fold(EMPTY, recorded).life?.highest).toBe(2)
  expect(recorded.map(({ event }) => event.data)).toMatchObject([
    { violations: [VIOLATION], secrets: ['/context/password'] },
    { violations: [VIOLATION] },
    { violations: [VIOLATION] },
  ])
  for (const { stream, revision, type, metadata } of stored) {
    const { hash, ...unhashed } = metadata as { hash: string }
    expect(hashOf(stream, revision, type, unhashed as never)).toBe(hash)
  }
})
