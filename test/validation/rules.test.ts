// What becomes of contents that fit the schemas in force, or do not, under every rule and by every command.
import { randomUUID } from 'node:crypto'
import { ReadModelUnavailable } from '@assistant-ledger/read-model'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { VALIDATION_LIMITS } from '../../apps/registry/src/validation/limits.js'
import { descriptorOf, openTestLedger, type TestLedger } from './ledger.js'

/** Of a graph whose context has to name a model, as a text, and may have nothing else. */
const MODEL = descriptorOf({
  context_schema: {
    type: 'object',
    properties: { model: { type: 'string' } },
    required: ['model'],
    additionalProperties: false,
  },
})
const FITS = { context: { model: 'sample-1' } }
const MISFIT = { context: { model: 7 } }
const REFUSED = { refusal: { code: 'invalid-config' } }

let ledger: TestLedger
let hash: string

beforeAll(async () => {
  ledger = await openTestLedger()
  hash = await ledger.register('writer', MODEL)
  // What is enforced waits for the thread to start, however long that takes here; what is noted might not.
  await ledger.under({ mode: 'enforce' }).create(FITS)
}, 60_000)
afterAll(() => ledger?.close(), 30_000)
beforeEach(() => ledger.runs('live'))

const found = () => [{ pointer: '/context/model', message: 'must be string', descriptor: hash }]

describe.each(['off', 'warn', 'enforce'] as const)('with CONTEXT_VALIDATION=%s', (mode) => {
  const noted = () => (mode === 'off' ? undefined : found())

  test('what fits is taken without a word', async () => {
    const commands = ledger.under({ mode })
    const made = await commands.create(FITS)
    expect(made).not.toHaveProperty('violations')
    const changed = await commands.update(made.assistant_id, { context: { model: 'b' } }, 'live')
    expect(changed).not.toHaveProperty('violations')
    for (const data of await ledger.recorded(made.assistant_id)) expect(data).not.toHaveProperty('violations')
  })

  test('what does not fit is noted, or refused, by create', async () => {
    const made = ledger.under({ mode }).create(MISFIT)
    if (mode === 'enforce')
      await expect(made).rejects.toMatchObject({ refusal: { field: '/context/model', violations: found() } })
    else {
      const { assistant_id, violations } = await made
      expect(violations).toEqual(noted())
      expect((await ledger.recorded(assistant_id))[0].violations).toEqual(noted())
    }
  })

  test.each(['live', 'staging', undefined])('and by update into %s', async (into) => {
    const commands = ledger.under({ mode })
    const { assistant_id } = await commands.create(FITS)
    const changed = commands.update(assistant_id, MISFIT, into)
    if (mode === 'enforce') await expect(changed).rejects.toMatchObject(REFUSED)
    else expect((await changed).violations).toEqual(noted())
    const data = (await ledger.recorded(assistant_id)).slice(1)
    expect(data.map(({ violations }) => violations)).toEqual(
      mode === 'enforce' ? [] : into === undefined ? [noted()] : [noted(), noted()],
    )
  })

  test('what is recorded is promoted and noted', async () => {
    const { assistant_id } = await ledger.under({ mode: 'off' }).create(FITS)
    await ledger.under({ mode: 'off' }).update(assistant_id, MISFIT)
    const commands = ledger.under({ mode })
    expect((await commands.promote(assistant_id, 2)).violations).toEqual(noted())
    expect((await commands.rollback(assistant_id)).violations).toBeUndefined()
  })

  describe('a protected environment', () => {
    const protecting = () => ledger.under({ mode, protects: ['live'] })

    test('takes what fits, by whichever way', async () => {
      const commands = protecting()
      const { assistant_id } = await commands.create(FITS)
      await commands.update(assistant_id, { context: { model: 'b' } }, 'live')
      await commands.update(assistant_id, { context: { model: 'c' } }, 'staging')
      expect(await commands.promote(assistant_id, { from: 'staging' })).toMatchObject({ version: 3 })
    })

    test('takes nothing else, by whichever way', async () => {
      const commands = protecting()
      await expect(commands.create(MISFIT)).rejects.toMatchObject(REFUSED)
      const { assistant_id } = await commands.create(FITS)
      await expect(commands.update(assistant_id, MISFIT, 'live')).rejects.toMatchObject(REFUSED)
      await ledger.under({ mode: 'warn' }).update(assistant_id, MISFIT, 'staging')
      const guard = { min_active: 100, within_ms: 1_000, on_reject: 'rollback' }
      for (const promotion of [
        commands.promote(assistant_id, 2),
        commands.promote(assistant_id, { from: 'staging' }),
        commands.promote(assistant_id, 2, 'live', { guard }),
      ])
        await expect(promotion).rejects.toMatchObject({
          refusal: { code: 'invalid-config', detail: expect.stringContaining('live is protected') },
        })
      expect(await commands.promote(assistant_id, 2, 'canary')).toMatchObject({ version: 2 })
    })

    test('takes back what was there before, also what was taken back itself, and rolls back', async () => {
      const { assistant_id } = await ledger.under({ mode: 'off' }).create(MISFIT)
      await ledger.under({ mode: 'off' }).update(assistant_id, MISFIT, 'live')
      await ledger.under({ mode: 'off' }).update(assistant_id, FITS, 'live')
      const commands = protecting()
      expect(await commands.rollback(assistant_id)).toMatchObject({
        version: 2,
        violations: noted() ?? found(),
      })
      expect(await commands.promote(assistant_id, 3)).toMatchObject({ version: 3 })
      await commands.rollback(assistant_id)
      await commands.rollback(assistant_id)
      // By now nothing on the environment's way back leads to version 2.
      expect(await commands.promote(assistant_id, 2)).toMatchObject({ version: 2, violations: found() })
      expect((await ledger.recorded(assistant_id)).at(-1)).toMatchObject({ version: 2, violations: found() })
    })

    test('but nothing of a life before, and nothing that was only elsewhere', async () => {
      const open = ledger.under({ mode: 'off' })
      const { assistant_id } = await open.create(FITS)
      await open.update(assistant_id, MISFIT, 'live')
      await open.delete(assistant_id)
      await open.create({ ...FITS, assistant_id })
      await open.update(assistant_id, MISFIT, 'staging')
      await expect(protecting().promote(assistant_id, 2)).rejects.toMatchObject(REFUSED)
    })
  })
})

describe('the schemas in force', () => {
  const NUMBERS = descriptorOf({
    context_schema: { properties: { model: { type: 'number' }, size: { type: 'number' } } },
  })
  let numbers: string
  let commands: ReturnType<TestLedger['under']>
  beforeAll(async () => {
    numbers = await ledger.register('two-builds', NUMBERS)
    await ledger.register('two-builds', MODEL)
    commands = ledger.under({ mode: 'warn' })
  })
  const of = (context: object) => commands.create({ graph_id: 'two-builds', context: context as never })

  test('given nobody there, then the one that was registered last counts', async () => {
    expect((await of({ model: 7 })).violations).toEqual(found())
    expect((await of({ model: 'a' })).violations).toBeUndefined()
  })

  test('given runners of one build, then its own counts', async () => {
    ledger.runs('live', numbers)
    expect((await of({ model: 7 })).violations).toBeUndefined()
    expect((await of({ model: 'a' })).violations).toMatchObject([
      { message: 'must be number', descriptor: numbers },
    ])
  })

  test('given runners of two builds, then either will do, and the better fitting one is told', async () => {
    ledger.runs('live', numbers, hash)
    expect((await of({ model: 7 })).violations).toBeUndefined()
    expect((await of({ model: 'a' })).violations).toBeUndefined()
    expect((await of({ model: true, size: 1 })).violations).toMatchObject([{ descriptor: numbers }])
    // Both find two things: then the newer one is told.
    expect((await of({ model: true, size: 'x' })).violations).toMatchObject([
      { pointer: '/context/size', descriptor: hash },
      { pointer: '/context/model', descriptor: hash },
    ])
  })

  test('given a live build that nobody knows yet, then nothing is held against what may fit it', async () => {
    ledger.runs('live', hash, 'f'.repeat(64))
    expect((await of({ model: 7 })).violations).toBeUndefined()
    const strict = ledger.under({ mode: 'enforce', protects: ['live'] })
    await strict.create({ graph_id: 'two-builds', ...MISFIT })
  })

  test('those of the environment that a version goes to count', async () => {
    ledger.runs('live', hash)
    ledger.runs('staging', numbers)
    const { assistant_id } = await of({ model: 'a' })
    expect(
      (await commands.update(assistant_id, { context: { model: 7 } }, 'staging')).violations,
    ).toBeUndefined()
    expect((await commands.promote(assistant_id, 2)).violations).toEqual(found())
    ledger.runs('staging')
  })
})

describe('what is never enforced', () => {
  const strictly = (graph_id: string, context: object) =>
    ledger.under({ mode: 'enforce', protects: ['live'] }).create({ graph_id, context: context as never })
  const NOTHING = { type: 'object', maxProperties: 0 }

  test.each([
    ['no graph of that name', undefined],
    ['a graph without schemas', descriptorOf({})],
    [
      'a schema that the runner is not sure of',
      descriptorOf({ context_schema: NOTHING }, ['/schemas/context_schema']),
    ],
    [
      'schemas that it is not sure of',
      descriptorOf({ context_schema: NOTHING, config_schema: NOTHING }, ['/schemas']),
    ],
    ['a schema that cannot be compiled', descriptorOf({ context_schema: { type: 'nothing' } })],
    ['a schema of another place', descriptorOf({ context_schema: { $ref: 'http://127.0.0.1:1/x' } })],
  ])('%s', async (name, descriptor) => {
    if (descriptor) await ledger.register(name, descriptor)
    expect(await strictly(name, { a: 1 })).not.toHaveProperty('violations')
  })

  test('the rest of it is', async () => {
    const graph = 'half known'
    await ledger.register(
      graph,
      descriptorOf({ context_schema: { type: 'nothing' }, config_schema: NOTHING }),
    )
    await expect(strictly(graph, { a: 1 })).rejects.toMatchObject({
      refusal: { field: '/config/configurable' },
    })
  })
})

describe('what is told', () => {
  test('once, where both schemas say the same of what mirrors itself', async () => {
    const schema = { properties: { a: { type: 'string' } } }
    await ledger.register('mirrored', descriptorOf({ context_schema: schema, config_schema: schema }))
    const { violations } = await ledger
      .under({ mode: 'warn' })
      .create({ graph_id: 'mirrored', config: { configurable: { a: 1 } } })
    expect(violations).toMatchObject([{ pointer: '/context/a' }])
  })

  test('by each of the two where they differ, and no more than anybody reads', async () => {
    await ledger.register(
      'differing',
      descriptorOf({ context_schema: { additionalProperties: false }, config_schema: { maxProperties: 2 } }),
    )
    const commands = ledger.under({ mode: 'warn' })
    const few = await commands.create({ graph_id: 'differing', context: { a: 1, b: 1, c: 1 } })
    expect(few.violations.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/context/a',
      '/context/b',
      '/context/c',
      '/config/configurable',
    ])
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i]))
    expect((await commands.create({ graph_id: 'differing', context: many })).violations).toHaveLength(20)
  })
})

describe('a command with a key', () => {
  test('is answered as at first, whatever the schemas and rules have become', async () => {
    const graph_id = 'retried'
    const assistant_id = randomUUID()
    const first = await ledger.register(graph_id, MODEL)
    const create = (mode: 'warn' | 'enforce') =>
      ledger.under({ mode, protects: ['live'] }).create({ graph_id, assistant_id, ...FITS }, { key: 'a' })
    const update = (mode: 'warn' | 'enforce') =>
      ledger.under({ mode }).update(assistant_id, MISFIT, 'staging', { key: 'b' })
    const made = await create('warn')
    const changed = await update('warn')
    expect(changed.violations).toMatchObject([{ descriptor: first }])
    await ledger.register(graph_id, descriptorOf({ context_schema: { maxProperties: 0 } }))
    expect(await create('enforce')).toEqual(made)
    expect(await update('enforce')).toEqual(changed)
    await ledger.register(graph_id, descriptorOf({}))
    expect(await update('warn')).toEqual(changed)
    const away = async () => Promise.reject(new ReadModelUnavailable('gone'))
    const unseen = ledger.under({ mode: 'enforce' }, away)
    expect(await unseen.update(assistant_id, MISFIT, 'staging', { key: 'b' })).toEqual(changed)
  })

  test('that changed nothing has no violations of the command before it', async () => {
    const commands = ledger.under({ mode: 'warn' })
    const { assistant_id } = await commands.create(MISFIT)
    const again = () => commands.promote(assistant_id, 1, 'live')
    expect(await again()).not.toHaveProperty('violations')
  })

  test('that was refused is decided anew', async () => {
    const strict = ledger.under({ mode: 'enforce' })
    const assistant_id = randomUUID()
    const graph_id = 'refused once'
    await ledger.register(graph_id, MODEL)
    const send = () => strict.create({ graph_id, assistant_id, ...MISFIT }, { key: 'a' })
    await expect(send()).rejects.toMatchObject(REFUSED)
    await ledger.register(graph_id, descriptorOf({}))
    expect(await send()).toMatchObject({ version: 1 })
  })
})

describe('while the read database is away', () => {
  const away = async () => {
    throw new ReadModelUnavailable('gone')
  }

  test('what is only noted goes on, and what is enforced is not let through unseen', async () => {
    const { assistant_id } = await ledger.under({ mode: 'warn' }, away).create(MISFIT)
    const strict = ledger.under({ mode: 'enforce', protects: ['live', 'canary'] }, away)
    await expect(strict.create(FITS)).rejects.toBeInstanceOf(ReadModelUnavailable)
    await expect(strict.promote(assistant_id, 1, 'canary')).rejects.toBeInstanceOf(ReadModelUnavailable)
  })

  test('a way back is open', async () => {
    const open = ledger.under({ mode: 'off' })
    const { assistant_id } = await open.create(MISFIT)
    await open.update(assistant_id, MISFIT, 'live')
    const strict = ledger.under({ mode: 'enforce', protects: ['live'] }, away)
    expect(await strict.rollback(assistant_id)).toMatchObject({ version: 1 })
    expect(await strict.promote(assistant_id, 2)).toMatchObject({ version: 2 })
  })
})

test('what is only noted is waited for so long and no longer, and so is a way back', async () => {
  const open = ledger.under({ mode: 'off' })
  const { assistant_id } = await open.create(FITS)
  await open.update(assistant_id, FITS, 'live')
  const never = () => new Promise<never>(() => {})
  const strict = ledger.under({ mode: 'enforce', protects: ['live'] }, never)
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] })
  try {
    for (const command of [
      () => ledger.under({ mode: 'warn' }, never).create(MISFIT),
      () => strict.rollback(assistant_id),
    ]) {
      let made: unknown
      const making = command().then((body) => {
        made = body
      })
      // The command has come to its wait.
      while (jest.getTimerCount() === 0) await new Promise(setImmediate)
      await jest.advanceTimersByTimeAsync(VALIDATION_LIMITS.noted_ms - 1)
      expect(made).toBeUndefined()
      await jest.advanceTimersByTimeAsync(1)
      await making
      expect(made).toMatchObject({ version: 1 })
      expect(made).not.toHaveProperty('violations')
      jest.clearAllTimers()
    }
  } finally {
    jest.useRealTimers()
  }
})

test('the service says once which schemas it cannot use', () => {
  expect(new Set(ledger.said).size).toBe(ledger.said.length)
  expect(ledger.said).toContainEqual(
    expect.stringMatching(
      /^nothing is checked against the context_schema of graph a schema of another place \(/,
    ),
  )
})
