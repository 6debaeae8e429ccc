// The read model over a real log: what it shows is what the stream folds to, and a second one is equal row for row.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assistantStream,
  type Command,
  type CommandContext,
  decide,
  EMPTY,
  fold,
  type Recorded,
  type State,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { Projection, type ReadModel } from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(60_000)

const PROJECT = 'default'
const ids = ['a', 'b', 'c'].map((letter) => `00000000-0000-4000-8000-00000000000${letter}`)

let directory: string
let log: EventLog
let place: Place
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'read-model-'))
  log = await openEmbeddedLog({ file: join(directory, 'log.db') })
})
afterEach(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

let sent = 0
async function send(
  states: Map<string, State>,
  id: string,
  command: Command,
  commandId = `command-${++sent}`,
): Promise<void> {
  const state = states.get(id) ?? EMPTY
  const stream = assistantStream(PROJECT, id)
  const context: CommandContext = {
    stream,
    commandId,
    commandHash: command.type,
    keyed: commandId.startsWith('key'),
    actor: { id: 'tester', verified: false, via: 'nats' },
    now: timestamp(1_700_000_000_000 + ++sent * 1000),
    salts: [`a${sent}`, `b${sent}`],
    environments: new Set(['live', 'staging']),
  }
  const decision = decide(state, command, context)
  if (decision.type !== 'events') return
  await log.append(stream, state.head?.revision ?? 'no_stream', decision.events)
  const first = (state.head?.revision ?? -1n) + 1n
  const recorded = decision.events.map(
    ({ type, data, metadata }, i) =>
      ({ revision: first + BigInt(i), event: { type, data }, metadata }) as Recorded,
  )
  states.set(id, fold(state, recorded))
}

async function project(name: string, run: (model: ReadModel) => Promise<void>): Promise<void> {
  const model = await place.open(name)
  const stop = new AbortController()
  const running = new Projection(log, model, { project: PROJECT }).run(stop.signal)
  try {
    expect(await model.reached(await log.head(), 10_000)).toBe(true)
    await run(model)
  } finally {
    stop.abort()
    await running
    await model.close()
  }
}

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom('writer', 'editor').map(
    (graph_id): Command => ({
      type: 'create',
      assistant_id: '',
      content: { graph_id },
      if_exists: 'raise',
    }),
  ),
  fc.constantFrom('writer', 'editor', undefined).map(
    (graph_id): Command => ({
      type: 'change',
      patch: { name: 'changed', ...(graph_id ? { graph_id } : {}) },
      promote_to: 'live',
    }),
  ),
  fc.constant<Command>({ type: 'change', patch: { metadata: { team: 'x' } }, promote_to: 'staging' }),
  fc
    .record({ version: fc.integer({ min: 1, max: 5 }), environment: fc.constantFrom('live', 'staging') })
    .map((p): Command => ({ type: 'promote', ...p })),
  fc.constantFrom('live', 'staging').map((environment): Command => ({ type: 'rollback', environment })),
  fc.constant<Command>({ type: 'delete' }),
)

/** What a loaded state must agree on with the fold of the stream, as far as it was loaded. */
function known(state: State, environments: readonly string[]) {
  const { head, generation, life } = state
  return {
    head,
    generation,
    life: life && {
      createdAt: life.createdAt,
      highest: life.highest,
      pointers: environments.map((environment) => {
        const walked: unknown[] = []
        let pointer = life.environments.get(environment) as
          | { below: unknown; version: number; revision: bigint; at: string }
          | undefined
          | 'not-loaded'
        while (typeof pointer === 'object' && walked.length < 8) {
          const { version, revision, at } = pointer
          walked.push({ version, revision, at })
          pointer = pointer.below as typeof pointer
        }
        return walked
      }),
      live: life.contents.get(life.environments.get('live')?.version ?? 0),
    },
  }
}

describe.each(DATABASES)('a projection on %s', (_database, start) => {
  let databases: Databases
  beforeAll(async () => {
    databases = await start()
  })
  afterAll(() => databases.stop())
  beforeEach(async () => {
    place = await databases.place()
  })
  afterEach(() => place.close())

  test('shows what the streams fold to, and a rebuild in one batch equals it row for row', async () => {
    const sequence = fc.array(
      fc.record({ which: fc.integer({ min: 0, max: 2 }), command: commands, key: fc.boolean() }),
      { minLength: 60, maxLength: 120 },
    )
    const states = new Map<string, State>()
    for (const steps of fc.sample(sequence, { numRuns: 3, seed: 7 }))
      await project('live', async (model) => {
        for (const { which, command, key } of steps) {
          const id = ids[which] as string
          await send(
            states,
            id,
            command.type === 'create' ? { ...command, assistant_id: id } : command,
            key ? `key-${++sent}` : undefined,
          )
          await model.reached(await log.head(), 10_000)
        }
        for (const id of ids) {
          const wanted = states.get(id) ?? EMPTY
          expect(known(await model.loadState(id), ['live', 'staging'])).toEqual(
            known(wanted, ['live', 'staging']),
          )
          for (const [commandId, record] of wanted.commands)
            expect((await model.loadState(id, commandId)).commands.get(commandId)).toEqual(record)
        }
      })
    await project('rebuilt', async () => {})
    expect(await place.rows('rebuilt')).toEqual(await place.rows('live'))
  })

  test('finds by metadata, graph and name, with totals, in every order', async () => {
    const states = new Map<string, State>()
    const make = (n: number, content: object) => {
      const assistant_id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
      return send(states, assistant_id, {
        type: 'create',
        assistant_id,
        content: { graph_id: 'writer', ...content },
        if_exists: 'raise',
      })
    }
    for (let n = 0; n < 30; n++)
      await make(n, { name: `Blog ${n}`, metadata: { team: `t${n % 3}`, tags: [{ a: n % 2, b: 1 }] } })
    await make(30, { graph_id: 'editor', name: 'Ünï 100%' })
    await project('read', async (model) => {
      const page = { limit: 4, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const
      const byTeam = await model.search({ metadata: { team: 't1' }, ...page, offset: 8 })
      expect(byTeam.total).toBe(10)
      expect(byTeam.assistants.map(({ name }) => name)).toEqual(['Blog 4', 'Blog 1'])
      expect(await model.count({ metadata: { tags: [{ a: 1, b: 1 }] } })).toBe(15)
      expect(await model.count({ metadata: { tags: [{ a: 1 }], team: 't0' } })).toBe(5)
      expect(await model.count({ metadata: { tags: [{}] } })).toBe(30)
      expect(await model.count({ name: 'LOG 2' })).toBe(11)
      expect(await model.count({ name: 'ÜNÏ' })).toBe(1)
      expect(await model.count({ name: '%' })).toBe(1)
      expect(await model.count({ name: '' })).toBe(31)
      expect(await model.count({ graph_id: 'editor', name: 'log' })).toBe(0)
      const named = await model.search({ ...page, sort_by: 'name', sort_order: 'asc', select: ['name'] })
      expect(named).toEqual({
        assistants: ['Blog 0', 'Blog 1', 'Blog 10', 'Blog 11'].map((name) => ({ name })),
        total: 31,
      })
    })
  })

  test('an event of a newer schema quarantines its stream, and no other', async () => {
    const states = new Map<string, State>()
    const [broken, well] = ids as [string, string]
    for (const id of [broken, well])
      await send(states, id, {
        type: 'create',
        assistant_id: id,
        content: { graph_id: 'writer' },
        if_exists: 'raise',
      })
    const stream = assistantStream(PROJECT, broken)
    const metadata = { schema: 99, commandId: 'c', commandHash: 'h', actor: {}, at: '', hash: '' }
    await log.append(stream, 0n, [
      { id: '00000000-0000-4000-8000-0000000000ff', type: 'ConfigChanged', data: {}, metadata },
    ])
    await project('read', async (model) => {
      await expect(model.assistant(broken, 'live')).rejects.toMatchObject({
        name: 'StreamUnreadable',
        revision: 1n,
      })
      await expect(model.loadState(broken)).rejects.toMatchObject({ name: 'StreamUnreadable' })
      expect((await model.assistant(well, 'live'))?.assistant.version).toBe(1)
      expect(model.quarantined).toMatchObject([{ stream, revision: 1n }])
    })
  })
})
