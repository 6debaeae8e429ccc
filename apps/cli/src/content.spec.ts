// What is written, sent and recorded are one thing: against the service's own decisions.
import {
  type Content,
  type ContentPatch,
  decide,
  EMPTY,
  fold,
  type JsonObject,
  type Recorded,
  type State,
} from '@assistant-ledger/assistant'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { assign } from './assign.js'
import {
  applied,
  checkWritten,
  parseDocuments,
  patchBetween,
  toYaml,
  type Written,
  writtenOf,
} from './content.js'

const values = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(
    fc.constantFrom(1, 2, true, null, 'x', 'two\nlines\n', ''),
    fc.constant({ deep: 1 }),
    fc.constant(['l']),
  ),
  { maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>
const written = fc.record(
  {
    graph_id: fc.constantFrom('writer', 'editor'),
    name: fc.constantFrom('Blog', 'Notes'),
    description: fc.constantFrom('some', '', null),
    config: fc.record(
      { tags: fc.constant(['t']), recursion_limit: fc.constantFrom(3, 4) },
      { requiredKeys: [] },
    ),
    context: values,
    metadata: values,
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Written>

/** What the service records of a creation and updates after it. */
function recorded(...patches: readonly Patched[]): Content {
  let state: State = EMPTY
  patches.forEach((patch, at) => {
    const id = '0195b1f6-2f6a-7c7c-9d6e-111111111111'
    const decision = decide(
      state,
      at === 0
        ? { type: 'create', assistant_id: id, content: { graph_id: 'writer', ...patch }, if_exists: 'raise' }
        : { type: 'change', patch, promote_to: 'live' },
      {
        stream: `assistant.default-${id}`,
        commandId: String(at),
        commandHash: 'h',
        keyed: false,
        actor: { id: 'a', verified: true, via: 'http' },
        now: '2026-01-01T00:00:00.000000+00:00',
        salts: ['1', '2'],
        environments: new Set(['live']),
      },
    )
    if (decision.type !== 'events') throw new Error(JSON.stringify(decision))
    const from = state.head ? state.head.revision + 1n : 0n
    state = fold(
      state,
      decision.events.map(
        ({ type, data, metadata }, n) =>
          ({ revision: from + BigInt(n), event: { type, data }, metadata }) as Recorded,
      ),
    )
  })
  return state.life?.contents.get(state.life.highest) as Content
}

type Patched = { readonly [Name in keyof ContentPatch]?: Exclude<ContentPatch[Name], undefined> }

describe('a content that is written', () => {
  const contents = written.map((one) =>
    recorded({ ...one, ...(one.description ? {} : { description: null }) } as Patched),
  )

  test('is recorded as it was foretold, by a patch that is needed', () => {
    fc.assert(
      fc.property(contents, written, (before, given) => {
        const wanted = applied(before, given)
        const patch = patchBetween(before, wanted)
        const after = patch === undefined ? before : recorded(writtenOf(before) as Patched, patch as Patched)
        expect(writtenOf(after)).toEqual(writtenOf(wanted))
        // Done again, there is nothing to do.
        expect(patchBetween(after, applied(after, given))).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  test('comes back from its text as it was', async () => {
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        const [read] = await parseDocuments(await toYaml(writtenOf(content)), 'text')
        expect(checkWritten(read, 'text')).toEqual(writtenOf(content))
        expect(patchBetween(content, applied(content, checkWritten(read, 'text')))).toBeUndefined()
      }),
      { numRuns: 100 },
    )
  })

  test.each([
    ['{context: {x: .nan}}', /the text has NaN, which is no JSON/],
    ['{context: {x: -.inf}}', /the text has -Infinity, which is no JSON/],
    ['a: &a [*a]', /the text cannot be read/],
    ['a: 1\na: 2', /the text cannot be read: Map keys must be unique at line 2/],
  ])('is no content as %j', async (text, said) => {
    await expect(parseDocuments(text, 'the text')).rejects.toThrow(said)
  })

  test('has numbers as JSON has them', async () => {
    expect(await parseDocuments('[-0, 1.0, 0x10]', 'the text')).toEqual([[0, 1, 16]])
  })

  test('may say the context as config.configurable, but not two that differ', () => {
    const before = recorded({ context: { a: 1 } })
    const wanted = applied(before, { config: { configurable: { a: 2 }, tags: ['t'] } })
    expect(wanted).toMatchObject({ config: { tags: ['t'] }, context: { a: 2 } })
    const both = { config: { configurable: { a: 2 } }, context: { a: 3 } }
    expect(() => applied(before, both)).toThrow('config.configurable and context are one thing')
  })

  test('is changed in one of the two places that it is shown in, and the other follows', () => {
    const before = recorded({ context: { a: 1 }, config: { tags: ['t'] } })
    const { config, context } = before
    expect(config.configurable).toEqual(context)
    const changed = { config: { tags: ['t'] }, context: { a: 2 } }
    expect(applied(before, { config, context: { a: 2 } })).toMatchObject(changed)
    expect(applied(before, { config: { ...config, configurable: { a: 2 } }, context })).toMatchObject(changed)
    expect(patchBetween(before, applied(before, { config, context }))).toBeUndefined()
  })

  test('that was imported with config.configurable alone has that as its context', async () => {
    const before = { ...recorded({}), config: { configurable: { a: 1, b: 2 }, tags: ['t'] } }
    const expected = { config: { tags: ['t'] }, context: { a: 7, b: 2 } }
    for (const path of ['context.a', 'config.configurable.a']) {
      const given = await assign(writtenOf(before), { set: [`${path}=7`] })
      expect(patchBetween(before, applied(before, given))).toEqual(expected)
    }
    expect(patchBetween(before, applied(before, writtenOf(before)))).toBeUndefined()
    expect(patchBetween(before, applied(before, { name: 'other' }))).toEqual({ name: 'other' })
    const two = { ...before, context: { a: 3 } }
    expect(patchBetween(two, applied(two, { ...writtenOf(two), name: 'other' }))).toEqual({ name: 'other' })
    const changed = applied(two, { ...writtenOf(two), context: { a: 7 } })
    expect(patchBetween(two, changed)).toEqual({ config: { tags: ['t'] }, context: { a: 7 } })
  })

  test.each([
    [[1], /must have fields such as name/],
    [{ colour: 'red' }, /x has colour, which is none of graph_id, name/],
    [{ name: 3 }, /x: name must be text; write it in quotes/],
    [{ name: {} }, /x: name must be text/],
    [{ context: 'model' }, /x: context must have fields/],
    [{ config: [] }, /x: config must have fields/],
    [{ constructor: {} }, /x has constructor/],
  ])('is refused as %j', (value, said) => {
    expect(() => checkWritten(value, 'x')).toThrow(said)
  })

  test('leaves aside what an answer has beside its content', () => {
    const answer = {
      assistant_id: 'i',
      version: 1,
      created_at: 't',
      updated_at: 't',
      name: 'n',
      description: null,
    }
    expect(checkWritten(answer, 'x')).toEqual({ name: 'n', description: '' })
  })
})

describe('a place that is set', () => {
  const content: Written = { context: { model: 'a', list: [{ x: 1 }], 'a.b': 1, deep: { er: null } } }

  test.each([
    ['context.model=b', { model: 'b' }],
    ['context.model=7', { model: 7 }],
    ['context.model="7"', { model: '7' }],
    ['context.model=', { model: null }],
    ['context.model=a=b', { model: 'a=b' }],
    ['context.list.0.x={y: 2}', { list: [{ x: { y: 2 } }] }],
    ['context.a\\.b=2', { 'a.b': 2 }],
    ['context.deep.er.new=true', { deep: { er: { new: true } } }],
    ['context.list.1.x=2', { list: [{ x: 1 }, { x: 2 }] }],
    ['context.tools.0.name=search', { tools: [{ name: 'search' }] }],
    ['config.configurable.model=b', { model: 'b' }],
  ])('%s', async (set, expected) => {
    expect(await assign(content, { set: [set] })).toEqual({ context: { ...content.context, ...expected } })
  })

  test('is a property of its own, whatever it is called', async () => {
    const { context } = await assign({}, { set: ['context.__proto__.polluted=1', 'context.constructor.x=1'] })
    expect(Object.keys(context ?? {}).sort()).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test.each([
    [{ set: ['model=x'] }, /is no path; one begins with one of graph_id/],
    [{ set: ['context..x=1'] }, /is no path/],
    [{ set: ['context.model'] }, /--set takes path=value/],
    [{ set: ['context.model.deep=x'] }, /context.model is a value that has no places in it/],
    [{ set: ['context.list.x=1'] }, /context.list is a list; name a place in it by its number/],
    [{ set: ['context.list.2=1'] }, /context.list has 1, so that the next one is 1/],
    [{ set: ['context.tools.1=a'] }, /context.tools is not there yet; a list begins with 0/],
    [{ set: ['context.model=['] }, /--set context.model cannot be read/],
    [{ unset: ['context.absent'] }, /there is no context.absent to take away/],
    [{ unset: ['metadata.team'] }, /metadata is merged/],
  ])('is refused as %j', async (assignments, said) => {
    await expect(assign(content, assignments)).rejects.toThrow(said)
  })

  test('is taken away', async () => {
    expect(await assign(content, { unset: ['context.deep.er', 'context.list'] })).toEqual({
      context: { model: 'a', 'a.b': 1, deep: {} },
    })
    expect(await assign(content, { unset: ['context'] })).toEqual({ context: {} })
  })
})
