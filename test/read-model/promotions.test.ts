// What is shown of an environment's promotions, on both databases: who made each and why, and what ended it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assistantStream,
  type Command,
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
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(60_000)

const PROJECT = 'default'
const ID = '00000000-0000-4000-8000-00000000000a'
const STREAM = assistantStream(PROJECT, ID)
const BEGAN_MS = 1_700_000_000_000
const guard = { min_active: 100, within_ms: 2_000, on_reject: 'rollback' } as const

let directory: string
let log: EventLog
let state: State
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'promotions-'))
  log = await openEmbeddedLog({ file: join(directory, 'log.db') })
  state = EMPTY
})
afterEach(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

/** When the event of that revision was recorded: a second each. */
const at = (revision: number) => timestamp(BEGAN_MS + revision * 1_000)

async function send(command: Command, actor: string, reason?: string): Promise<void> {
  const revision = Number((state.head?.revision ?? -1n) + 1n)
  const decision = decide(state, command, {
    stream: STREAM,
    commandId: `command-${revision}`,
    commandHash: command.type,
    keyed: false,
    actor: { id: actor, verified: false, via: 'nats' },
    ...(reason === undefined ? {} : { reason }),
    now: at(revision),
    salts: ['a', 'b'],
    environments: new Set(['live', 'staging']),
  })
  if (decision.type !== 'events') throw new Error(`${command.type} made no event`)
  await log.append(STREAM, state.head?.revision ?? 'no_stream', decision.events)
  const recorded = decision.events.map(({ type, data, metadata }, index) => {
    return { revision: BigInt(revision + index), event: { type, data }, metadata } as Recorded
  })
  state = fold(state, recorded)
}

const create = {
  type: 'create',
  assistant_id: ID,
  content: { graph_id: 'writer' },
  if_exists: 'raise',
} as const
const by = (id: string) => ({ id, verified: false, via: 'nats' })

describe.each(DATABASES)('the promotions in %s', (_, start) => {
  let databases: Databases
  let place: Place
  let model: ReadModel
  beforeAll(async () => {
    databases = await start()
  })
  afterAll(() => databases.stop())
  beforeEach(async () => {
    place = await databases.place()
    model = await place.open('promotions')
    await send(create, 'ada') // 0: live 1
    await send({ type: 'change', patch: { name: 'v2' } }, 'bob') // 1: version 2
    await send({ type: 'promote', environment: 'live', version: 2, guard }, 'cid', 'for spring') // 2: live 2
    await send({ type: 'promote', environment: 'staging', version: 1 }, 'cid') // 3: staging 1
    await send({ type: 'rollback', environment: 'live' }, 'dot', 'too loud') // 4: live 1
    await send({ type: 'delete' }, 'eve', 'done') // 5
    await send(create, 'fay') // 6: live 1 of the next life
    const stopping = new AbortController()
    const running = new Projection(log, model, { project: PROJECT }).run(stopping.signal)
    expect(await model.reached(await log.head(), 10_000)).toBe(true)
    stopping.abort()
    await running
  })
  afterEach(() => place.close())

  test('newest first, with who made each and why, and what took its place', async () => {
    expect(await model.fleet.promotions(ID, 'live', { limit: 10, offset: 0 })).toEqual([
      { environment: 'live', revision: 6, generation: 2, version: 1, at: at(6), by: by('fay') },
      {
        environment: 'live',
        revision: 4,
        generation: 1,
        version: 1,
        at: at(4),
        by: by('dot'),
        reason: 'too loud',
        replaces: 2,
        rollback: true,
        superseded: { revision: 5, at: at(5), by: by('eve'), reason: 'done' },
      },
      {
        environment: 'live',
        revision: 2,
        generation: 1,
        version: 2,
        at: at(2),
        by: by('cid'),
        reason: 'for spring',
        replaces: 1,
        guard,
        superseded: { revision: 4, at: at(4), by: by('dot'), reason: 'too loud', version: 1, rollback: true },
      },
      {
        environment: 'live',
        revision: 0,
        generation: 1,
        version: 1,
        at: at(0),
        by: by('ada'),
        superseded: { revision: 2, at: at(2), by: by('cid'), reason: 'for spring', version: 2 },
      },
    ])
    const page = await model.fleet.promotions(ID, 'live', { limit: 1, offset: 2 })
    expect(page.map(({ revision }) => revision)).toEqual([2])
    expect(await model.fleet.promotions(ID, 'elsewhere', { limit: 10, offset: 0 })).toEqual([])
  })

  test('the one of now, of a revision, up to a revision, and in force at a time', async () => {
    const revisionOf = async (environment: string, which: Parameters<typeof model.fleet.promotion>[2]) =>
      (await model.fleet.promotion(ID, environment, which))?.revision
    expect(await revisionOf('live', 'now')).toBe(6)
    expect(await revisionOf('staging', 'now')).toBeUndefined()
    expect(await revisionOf('live', { revision: 4 })).toBe(4)
    expect(await revisionOf('live', { revision: 3 })).toBeUndefined()
    expect(await revisionOf('live', { upTo: 3 })).toBe(2)
    expect(await revisionOf('live', { at: at(3) })).toBe(2)
    expect(await revisionOf('staging', { at: at(4) })).toBe(3)
    // Between two lives nothing is in force.
    expect(await revisionOf('live', { at: at(5) })).toBeUndefined()
    expect(await revisionOf('live', { at: at(6) })).toBe(6)
  })

  test('which revisions a runner can have met', async () => {
    const met = async (environment: string, of: readonly number[]) =>
      Promise.all(of.map((revision) => model.fleet.canMeet(ID, environment, revision)))
    const all = [-1, 0, 1, 2, 3, 4, 5, 6, 7, Number.MAX_SAFE_INTEGER]
    expect(await met('live', all)).toEqual([true, true, false, true, false, true, true, true, false, false])
    expect(await met('staging', [-1, 2, 3, 5])).toEqual([true, false, true, true])
    expect(await met('nowhere', [-1, 0, 5])).toEqual([false, false, false])
  })
})
