import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { canonical } from './canonical.js'
import type { Command } from './command.js'
import type { Content } from './content.js'
import { newContent } from './content.js'
import { needs, withContent } from './decide.js'
import { CREATE, ID, refusalOf, Stream } from './given.spec-support.js'
import { EMPTY, fold } from './state.js'

const change = (patch: object, promote_to: string | undefined = 'live'): Command => ({
  type: 'change',
  patch,
  ...(promote_to === undefined ? {} : { promote_to }),
})
const promote = (version: number, environment = 'live'): Command => ({
  type: 'promote',
  version,
  environment,
})
const ROLLBACK: Command = { type: 'rollback', environment: 'live' }
const DELETE: Command = { type: 'delete' }

describe('create', () => {
  test('given nothing, then version 1 exists and live points to it', () => {
    const stream = new Stream()
    stream.send(CREATE)
    expect(stream.live()).toBe(1)
    expect(stream.state.generation).toBe(1)
    expect(stream.state.life?.contents.get(1)).toMatchObject({
      graph_id: 'writer',
      name: 'Untitled',
      description: null,
    })
  })

  test('given one that exists, then raise refuses and do_nothing shows the stored one', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({ name: 'second' }))
    expect(refusalOf(stream.send(CREATE))).toBe('already-exists')
    const decision = stream.send({ ...CREATE, if_exists: 'do_nothing' } as Command)
    expect(decision).toMatchObject({ type: 'unchanged', outcome: { version: 2 } })
  })

  test('given a deleted id, then it starts again at version 1, one generation further, in the same stream', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({}))
    stream.send(DELETE)
    expect(refusalOf(stream.send(change({})))).toBe('not-found')
    stream.send(CREATE)
    expect(stream.state).toMatchObject({ generation: 2, head: { revision: 4n } })
    expect(stream.live()).toBe(1)
    expect(refusalOf(stream.send(promote(2)))).toBe('version-not-found')
    expect(refusalOf(stream.send(ROLLBACK))).toBe('nothing-before')
  })

  test('given a list of graphs, then another graph is refused with the ones there are', () => {
    const decision = new Stream().send(CREATE, { graphs: new Set(['b', 'a']) })
    expect(decision).toMatchObject({
      refusal: { code: 'graph-not-found', detail: "Graph 'writer' not found. Expected one of: [a, b]" },
    })
  })
})

describe('delete', () => {
  test('says that threads are to go too where that was asked, and nothing of threads otherwise', () => {
    const dataOf = (command: Command) => {
      const stream = new Stream()
      stream.send(CREATE)
      stream.send(command)
      return stream.events.at(-1)?.event.data
    }
    expect(dataOf(DELETE)).toEqual({ salt: 'salt-a-2' })
    expect(dataOf({ type: 'delete', delete_threads: true })).toEqual({
      delete_threads: true,
      salt: 'salt-a-2',
    })
  })
})

describe('change config', () => {
  test('absent keeps, config and context are replaced whole, metadata is merged at its top level', () => {
    const stream = new Stream()
    stream.send({
      ...CREATE,
      content: { graph_id: 'writer', name: 'n', context: { a: 1, b: 2 }, metadata: { x: { y: 1 }, z: 1 } },
    } as Command)
    stream.send(change({ context: { a: 3 }, metadata: { x: { w: 2 } } }))
    expect(stream.state.life?.contents.get(2)).toEqual({
      graph_id: 'writer',
      name: 'n',
      description: null,
      config: { configurable: { a: 3 } },
      context: { a: 3 },
      metadata: { x: { w: 2 }, z: 1 },
    })
  })

  test('promote: false makes a version that no environment points to; the next number follows it', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send({ type: 'change', patch: { name: 'draft' } })
    expect(stream.live()).toBe(1)
    stream.send(change({ name: 'third' }, 'staging'))
    expect([stream.live(), stream.live('staging')]).toEqual([1, 3])
    expect(stream.state.life?.contents.get(3)?.name).toBe('third')
  })

  test('after a rollback the next version is built from what is live, and numbered after the highest', () => {
    const stream = new Stream()
    stream.send({ ...CREATE, content: { graph_id: 'writer', name: 'one' } } as Command)
    stream.send(change({ name: 'two', description: 'from two' }))
    stream.send(promote(1))
    stream.send(change({ description: 'three' }))
    expect(stream.live()).toBe(3)
    expect(stream.state.life?.contents.get(3)).toMatchObject({ name: 'one', description: 'three' })
  })

  test.each([
    [
      'configurable fills context',
      { config: { configurable: { m: 1 } } },
      { config: { configurable: { m: 1 } }, context: { m: 1 } },
    ],
    [
      'context fills configurable',
      { context: { m: 1 } },
      { config: { tags: ['t'], configurable: { m: 1 } }, context: { m: 1 } },
    ],
    ['an empty context clears both', { context: {} }, { config: { tags: ['t'] }, context: {} }],
    ['an empty config clears both', { config: {} }, { config: {}, context: {} }],
  ])('mirror: %s', (_what, patch, wanted) => {
    const stream = new Stream()
    stream.send({
      ...CREATE,
      content: { graph_id: 'writer', config: { tags: ['t'], configurable: { old: 1 } } },
    } as Command)
    stream.send(change(patch))
    expect(stream.state.life?.contents.get(2)).toMatchObject(wanted)
    expect(canonical(stream.state.life?.contents.get(2)?.config)).toBe(canonical(wanted.config))
  })

  test('configurable and context both given is a refusal, with the sentence that clients match on', () => {
    const stream = new Stream()
    stream.send(CREATE)
    const decision = stream.send(change({ config: { configurable: { a: 1 } }, context: { a: 1 } }))
    expect(decision).toMatchObject({ refusal: { code: 'config-and-context' } })
    expect(stream.events).toHaveLength(1)
  })

  test('content beyond 512 KiB after merging is refused', () => {
    const stream = new Stream()
    stream.send({
      ...CREATE,
      content: { graph_id: 'writer', metadata: { a: 'x'.repeat(300_000) } },
    } as Command)
    expect(refusalOf(stream.send(change({ metadata: { b: 'x'.repeat(300_000) } })))).toBe('invalid-config')
  })
})

describe('likely secrets', () => {
  const KEY = 'sk-ant-api03-q7Zt2LmX9vRk4Bn8Wc3Yd6Pf1Hs5Gj0Ta'
  const withKey = { ...CREATE, content: { graph_id: 'writer', context: { key: KEY } } } as Command

  test('given one in what a command brings, then it is refused by its pointer, and nothing of it is said', () => {
    const stream = new Stream()
    const decision = stream.send(withKey)
    expect(decision).toMatchObject({
      refusal: { code: 'likely-secret', field: '/context/key', pointers: ['/context/key'] },
    })
    expect(JSON.stringify(decision)).not.toContain('api03')
    stream.send(CREATE)
    expect(refusalOf(stream.send(change({ metadata: { a: [KEY] } })))).toBe('likely-secret')
    expect(stream.events).toHaveLength(1)
  })

  test('given that it is allowed, then it takes a reason, and both are on record', () => {
    const stream = new Stream()
    expect(refusalOf(stream.send(withKey, { allowSecrets: true }))).toBe('likely-secret')
    expect(refusalOf(stream.send(withKey, { allowSecrets: true, reason: ' ' }))).toBe('likely-secret')
    expect(refusalOf(stream.send(withKey, { reason: 'it is one of the sandbox' }))).toBe('likely-secret')
    stream.send(withKey, { allowSecrets: true, reason: 'it is one of the sandbox' })
    const [created] = stream.events
    expect(created?.event.data).toMatchObject({ secrets: ['/context/key'] })
    expect(created?.metadata.reason).toBe('it is one of the sandbox')
  })

  test('given one that was let through, then what keeps it is not refused again', () => {
    const stream = new Stream()
    stream.send(withKey, { allowSecrets: true, reason: 'sandbox' })
    expect(stream.send(change({ name: 'b' })).type).toBe('events')
    expect(stream.events.at(-2)?.event.data).not.toHaveProperty('secrets')
    expect(stream.send(promote(1)).type).toBe('events')
  })

  test('given nothing to change or nobody there, then that is said first', () => {
    const stream = new Stream()
    expect(refusalOf(stream.send(change({ context: { key: KEY } })))).toBe('not-found')
    stream.send(CREATE)
    expect(refusalOf(stream.send(withKey))).toBe('already-exists')
  })
})

describe('a guard', () => {
  const guard = { min_active: 100, within_ms: 1_000, on_reject: 'rollback' } as const
  const guarded = (version: number, environment = 'live') =>
    ({ ...promote(version, environment), guard }) as Command

  test('given a version that is there already, or an environment that was never set, then it is refused', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send({ type: 'change', patch: {} })
    expect(refusalOf(stream.send(guarded(1)))).toBe('nothing-to-guard')
    expect(refusalOf(stream.send(guarded(2, 'staging')))).toBe('nothing-to-guard')
    expect(stream.send(guarded(2)).type).toBe('events')
  })

  test('given a retry with its key, then its first outcome comes before that question', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send({ type: 'change', patch: {} })
    stream.send(guarded(2), { key: 'k' })
    expect(stream.send(guarded(2), { key: 'k' }).type).toBe('repeated')
  })
})

describe('promote and rollback', () => {
  test('a promotion pushes, a rollback pops, never toggling', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({}))
    stream.send(change({}))
    const seen = [stream.live()]
    for (let i = 0; i < 2; i++) {
      stream.send(ROLLBACK)
      seen.push(stream.live())
    }
    expect(seen).toEqual([3, 2, 1])
    expect(refusalOf(stream.send(ROLLBACK))).toBe('nothing-before')
  })

  test('promoting what is there already changes nothing', () => {
    const stream = new Stream()
    stream.send(CREATE)
    expect(stream.send(promote(1)).type).toBe('unchanged')
  })

  test('from takes the version of another environment; nothing there is a refusal', () => {
    const stream = new Stream()
    stream.send(CREATE)
    const fromStaging: Command = { type: 'promote', environment: 'live', version: { from: 'staging' } }
    expect(refusalOf(stream.send(fromStaging))).toBe('version-not-found')
    stream.send(change({}, 'staging'))
    stream.send(fromStaging)
    expect(stream.live()).toBe(2)
    expect(refusalOf(stream.send(promote(1, 'nowhere')))).toBe('unknown-environment')
  })

  test('a rollback that saw another pointer is refused as moved, even when the version is the same again', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({}))
    const seen = stream.state.life?.environments.get('live')?.revision as bigint
    stream.send(change({}))
    stream.send(promote(2))
    expect(stream.live()).toBe(2)
    expect(refusalOf(stream.send({ ...ROLLBACK, seen } as Command))).toBe('moved')
    expect(refusalOf(stream.send({ ...ROLLBACK, replaces: 3 } as Command))).toBe('moved')
  })
})

describe('keys and conditions', () => {
  test('a retry is answered before anything can refuse it, and other content under its key is refused', () => {
    const stream = new Stream()
    stream.send(CREATE, { key: 'k' })
    stream.send(DELETE)
    expect(stream.send(CREATE, { key: 'k', ifRevision: 99n })).toMatchObject({
      type: 'repeated',
      record: { outcome: { type: 'shown', generation: 1, version: 1 } },
    })
    expect(refusalOf(stream.send({ ...CREATE, if_exists: 'do_nothing' } as Command, { key: 'k' }))).toBe(
      'key-reused',
    )
  })

  test('a keyed command that changes nothing is noted, so that its late retry changes nothing either', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({}))
    expect(stream.send(promote(2), { key: 'k' }).type).toBe('events')
    expect(stream.events.at(-1)?.event.type).toBe('CommandNoted')
    stream.send(promote(1))
    expect(stream.send(promote(2), { key: 'k' })).toMatchObject({
      type: 'repeated',
      record: { outcome: { version: 2 } },
    })
    expect(stream.live()).toBe(1)
  })

  test('If-Match refuses with the actual revision', () => {
    const stream = new Stream()
    expect(stream.send(CREATE, { ifRevision: 3n })).toMatchObject({
      refusal: { code: 'revision-mismatch', revision: -1 },
    })
    stream.send(CREATE)
    expect(stream.send(DELETE, { ifRevision: 4n })).toMatchObject({ refusal: { revision: 0 } })
    expect(stream.send(DELETE, { ifRevision: 0n }).type).toBe('events')
  })
})

describe('a state loaded from a row', () => {
  test('says what it lacks, and decides alike once it has it', () => {
    const stream = new Stream()
    stream.send(CREATE)
    stream.send(change({ name: 'two' }))
    const life = stream.state.life
    if (!life) throw new Error('no life')
    const partial = { ...stream.state, life: { ...life, contents: new Map<number, Content>() } }
    expect(needs(partial, change({}))).toEqual({ contentOf: 2 })
    const content = life.contents.get(2) as Content
    expect(needs(withContent(partial, 2, content), change({}))).toEqual({})
    const live = life.environments.get('live')
    if (!live) throw new Error('no pointer')
    const shallow = { ...life, environments: new Map([['live', { ...live, below: 'not-loaded' as const }]]) }
    expect(needs({ ...stream.state, life: shallow }, ROLLBACK)).toEqual({ wholeStream: true })
  })
})

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.constant(CREATE),
  fc.record({ name: fc.string({ maxLength: 5 }) }).map((patch) => change(patch)),
  fc
    .record({ metadata: fc.dictionary(fc.string({ maxLength: 3 }), fc.integer(), { maxKeys: 2 }) })
    .map((patch) => change(patch, 'staging')),
  fc.constant<Command>({ type: 'change', patch: { description: 'draft' } }),
  fc
    .record({ version: fc.integer({ min: 0, max: 6 }), environment: fc.constantFrom('live', 'staging') })
    .map(({ version, environment }) => promote(version, environment)),
  fc.constant<Command>({ type: 'promote', environment: 'live', version: { from: 'staging' } }),
  fc.constantFrom('live', 'staging').map((environment): Command => ({ type: 'rollback', environment })),
  fc.constant(DELETE),
)
const sequences = fc.array(
  fc.record({ command: commands, key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }) }),
  { maxLength: 40 },
)

describe('whatever the commands', () => {
  test('versions are 1..n in a generation, pointers point to versions that exist, contents never change', () => {
    fc.assert(
      fc.property(sequences, (sent) => {
        const stream = new Stream()
        const contents = new Map<string, string>()
        for (const { command, key } of sent) {
          stream.send(command, key === undefined ? {} : { key })
          const { life, generation } = stream.state
          if (!life) continue
          expect([...life.contents.keys()].sort((a, b) => a - b)).toEqual(
            Array.from({ length: life.highest }, (_, i) => i + 1),
          )
          for (const { version } of life.environments.values()) expect(life.contents.has(version)).toBe(true)
          for (const [version, content] of life.contents) {
            const at = `${generation}.${version}`
            expect(contents.get(at) ?? canonical(content)).toBe(canonical(content))
            contents.set(at, canonical(content))
          }
        }
      }),
    )
  })

  test('folding the events gives the state, at once or one by one', () => {
    fc.assert(
      fc.property(sequences, (sent) => {
        const stream = new Stream()
        for (const { command, key } of sent) stream.send(command, key === undefined ? {} : { key })
        expect(fold(EMPTY, stream.events)).toEqual(stream.state)
      }),
    )
  })

  test('rollbacks walk back through what was there, each to the one before', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 20 }), (versions) => {
        const stream = new Stream()
        stream.send(CREATE)
        for (let i = 0; i < 3; i++) stream.send({ type: 'change', patch: {} })
        const walked = [1]
        for (const version of versions) {
          stream.send(promote(version))
          if (walked.at(-1) !== version) walked.push(version)
        }
        for (let at = walked.length - 2; at >= 0; at--) {
          stream.send(ROLLBACK)
          expect(stream.live()).toBe(walked[at])
        }
        expect(refusalOf(stream.send(ROLLBACK))).toBe('nothing-before')
      }),
    )
  })

  test('a command repeated with its key changes nothing, on any later state', () => {
    fc.assert(
      fc.property(sequences, commands, sequences, (before, command, after) => {
        const stream = new Stream()
        for (const { command, key } of before) stream.send(command, key === undefined ? {} : { key })
        const first = stream.send(command, { key: 'the-key' })
        for (const { command } of after) stream.send(command)
        const count = stream.events.length
        const again = stream.send(command, { key: 'the-key' })
        if (first.type === 'events') {
          expect(again).toMatchObject({ type: 'repeated', record: { outcome: first.outcome } })
          expect(stream.events).toHaveLength(count)
        } else expect(first.type).toBe('refused')
      }),
    )
  })
})

test('a content that is too large says that context counts twice, where there is one', () => {
  const text = 'x'.repeat(500 * 1024)
  const detailOf = (field: 'context' | 'metadata', copies: number) => {
    const content = newContent({ graph_id: 'g', [field]: { text: text.repeat(copies) } })
    return content.ok ? 'taken' : content.refusal.detail
  }
  expect(detailOf('context', 1)).toMatch(
    /^The content has 1024\d+ bytes; at most 524288 are allowed \(context counts twice, since it is mirrored/,
  )
  expect(detailOf('metadata', 1)).toBe('taken')
  expect(detailOf('metadata', 2)).toMatch(/are allowed$/)
})

test('odd keys are ordinary keys', () => {
  const odd = JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":[null]}')
  const content = newContent({ graph_id: 'g', context: odd, metadata: odd })
  expect(content.ok && canonical(content.value.context)).toBe(canonical(odd))
  expect(content.ok && canonical(content.value.config)).toBe(canonical({ configurable: odd }))
  expect(({} as { a?: number }).a).toBeUndefined()
  expect(ID).toHaveLength(36)
})
