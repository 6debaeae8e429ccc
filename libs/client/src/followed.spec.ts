// What a run is handed: merged as LangGraph merges, stamped, frozen where it is shared and free where it is not.
import { describe, expect, test } from '@jest/globals'
import { makeFollowed } from './followed.js'
import { staticAssistants } from './static.js'
import { refusalOf } from './validate.js'

const ID = '0b5cf5b0-4a38-4c51-9d4f-8a4b4ba6c9a1'

const followed = () =>
  makeFollowed({
    assistantId: ID,
    generation: 1,
    version: 2,
    environment: 'live',
    source: 'live',
    content: {
      graph_id: 'writer',
      name: 'Writer',
      description: null,
      config: { tags: ['a'], recursion_limit: 7, configurable: { model: 'm1', keep: { deep: 1 } } },
      context: { model: 'm1', keep: { deep: 1 } },
      metadata: { team: 'x', assistant_id: 'forged' },
    },
  })

describe('runOptions', () => {
  test("the run's own wins at the top level of configurable, context and metadata", () => {
    const options = followed().runOptions({
      configurable: { thread_id: 't', model: 'm2' },
      context: { model: 'm3' },
      metadata: { team: 'y' },
      tags: ['b'],
    })
    expect(options.configurable).toEqual({ model: 'm2', keep: { deep: 1 }, thread_id: 't' })
    expect(options.context).toEqual({ model: 'm3', keep: { deep: 1 } })
    expect(options.metadata).toMatchObject({ team: 'y' })
    expect(options.tags).toEqual(['b'])
    expect(options.recursionLimit).toBe(7)
    expect(options).not.toHaveProperty('recursion_limit')
  })

  test('metadata says exactly what ran, whatever a run or a configuration claims', () => {
    const assistant = followed()
    expect(assistant.runOptions({ metadata: { environment: 'forged' } }).metadata).toMatchObject({
      assistant_id: ID,
      graph_id: 'writer',
      assistant_version: 2,
      assistant_hash: assistant.contentHash,
      assistant_ref: assistant.ref,
      environment: 'live',
    })
  })

  test('a graph may change its options; the assistant is frozen to the bottom', () => {
    const assistant = followed()
    const { context } = assistant.runOptions()
    ;(context.keep as { deep: number }).deep = 2
    expect(assistant.context).toEqual({ model: 'm1', keep: { deep: 1 } })
    expect(Object.isFrozen(assistant.context.keep)).toBe(true)
    expect(Object.isFrozen(assistant)).toBe(true)
  })

  test('keys that mean something to JavaScript stay what they are', () => {
    const context = JSON.parse('{"__proto__":{"x":1},"constructor":"c"}')
    const content = { graph_id: 'g', name: 'n', description: null, config: {}, context, metadata: {} }
    const parts = { assistantId: ID, generation: 1, version: 1, environment: 'live', content }
    const options = makeFollowed({ ...parts, source: 'live' }).runOptions()
    expect(JSON.stringify(options.context)).toBe('{"__proto__":{"x":1},"constructor":"c"}')
  })
})

describe('validate', () => {
  test.each([
    ['nothing', () => undefined, undefined],
    ['true', () => true, undefined],
    ['false', () => false, 'validate returned false'],
    ['a reason', () => 'why', 'why'],
    ['a schema that accepts', () => ({ success: true }), undefined],
    ['a schema that refuses', () => ({ success: false, error: new Error('no model') }), 'no model'],
    ['a promise', async () => 'later', 'later'],
    [
      'something thrown',
      () => {
        throw new Error('thrown')
      },
      'thrown',
    ],
    ['a promise that rejects', () => Promise.reject(new Error('rejected')), 'rejected'],
  ])('%s', async (_, validate, reason) => {
    expect(await refusalOf(validate, {})).toBe(reason)
  })

  test('a check that never settles is a refusal', async () => {
    expect(await refusalOf(() => new Promise<undefined>(() => {}), {}, 5)).toContain('did not settle')
  })
})

describe('staticAssistants', () => {
  test('serves what it was given, swaps by hand and pins what it ever held', async () => {
    const assistants = staticAssistants({ [ID]: { graph_id: 'writer', context: { model: 'm1' } } })
    const first = assistants.get(ID)
    const heard: unknown[] = []
    assistants.on('reload', ({ from, to }) => heard.push([from, to]))
    const second = assistants.set(ID, { graph_id: 'writer', context: { model: 'm2' } })
    expect(heard).toEqual([[first.ref, second.ref]])
    expect(assistants.get(ID)).toBe(second)
    expect(await assistants.pinned(first.ref)).toBe(first)
    assistants.remove(ID)
    expect(assistants.find(ID)).toBeUndefined()
  })
})
