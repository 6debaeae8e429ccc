// A descriptor is recorded once for each hash, whatever others send at the same moment, and whatever the projection, the
// read database and the log's answers do; and which descriptors are in force follows from what runners say.
import { randomUUID } from 'node:crypto'
import { graphStream, hashOf, type JsonObject, readDescriptor } from '@assistant-ledger/assistant'
import { type EventLog, LogInDoubt, type RecordedEvent } from '@assistant-ledger/event-log'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { GraphDescriptors } from '../../apps/registry/src/graphs/descriptors.js'
import { GRAPH_LIMITS } from '../../apps/registry/src/graphs/limits.js'
import { Registrations } from '../../apps/registry/src/graphs/registrations.js'
import { Project } from '../../apps/registry/src/project.js'
import { DATABASES, type Databases } from '../read-model/databases.js'
import { descriptorNamed } from '../support/descriptor.js'
import { openParts, type Parts, PROJECT } from './parts.js'

jest.setTimeout(60_000)

const ACTOR = { id: 'runner/eu', verified: false, via: 'nats' } as const
const project = new Project(PROJECT, new Set(['live', 'staging']), new Set(['writer', 'ed.itor']))

let parts: Parts

type GraphModel = ConstructorParameters<typeof Registrations>[1]

const registrations = (log: EventLog = parts.log) => new Registrations(log, parts.model, project)

async function register(name: string, by = registrations(), more: object = {}, graph_id = 'writer') {
  const request = { graph_id, runner: 'eu', descriptor: descriptorNamed(name) as unknown as JsonObject }
  const { body, headers } = await by.register(request, { actor: ACTOR, ...more }, request)
  return { ...(body as { hash: string; recorded: boolean }), headers }
}

async function recorded(graph = 'writer'): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of parts.log.readStream(graphStream(PROJECT, graph))) events.push(event)
  return events
}

const namesIn = (events: readonly RecordedEvent[]) =>
  events.map(
    ({ data }) =>
      (data as { descriptor: ReturnType<typeof descriptorNamed> }).descriptor.schemas.input_schema?.title,
  )

const hashNamed = (name: string): string => {
  const read = readDescriptor(descriptorNamed(name) as never, 'descriptor')
  return read.ok ? read.value.hash : ''
}

describe.each(DATABASES)('with the read model in %s', (_name, start) => {
  let databases: Databases
  beforeAll(async () => {
    databases = await start()
  })
  afterAll(() => databases.stop())
  beforeEach(async () => {
    const place = await databases.place()
    parts = await openParts(await place.open('graphs'))
  })
  afterEach(() => parts.close())

  test('it is recorded once, with who and why, and chained', async () => {
    parts.project()
    const first = await register('one', registrations(), { reason: 'a start', correlationId: '1'.repeat(32) })
    expect(first).toMatchObject({ hash: hashNamed('one'), recorded: true })
    expect(first.headers).toMatchObject({ 'Ledger-Revision': '0' })
    expect(first.headers).not.toHaveProperty('Ledger-Pending')
    const again = await register('one')
    expect(again).toEqual({ ...first, recorded: false })
    expect(await register('two')).toMatchObject({ recorded: true, headers: { 'Ledger-Revision': '1' } })
    expect(await register('one', registrations(), {}, 'ed.itor')).toMatchObject({ recorded: true })
    const events = await recorded()
    const hashes = events.map(({ metadata }) => (metadata as { hash: string }).hash)
    expect(events).toMatchObject([
      {
        stream: 'graph.default-writer',
        type: 'GraphRegistered',
        data: { graph_id: 'writer', runner: 'eu', hash: first.hash, descriptor: descriptorNamed('one') },
        metadata: { actor: ACTOR, reason: 'a start', $correlationId: '1'.repeat(32), schema: 1 },
      },
      { metadata: { previousHash: hashes[0] } },
    ])
    for (const { stream, revision, type, metadata } of events) {
      const { hash, ...unhashed } = metadata as { hash: string }
      expect(hashOf(stream, revision, type, unhashed as never)).toBe(hash)
    }
    expect((await recorded('ed.itor'))[0]?.stream).toBe('graph.default-ed=2Eitor')
  })

  test('a NUL in a name, which no database keeps, is recorded as U+FFFD', async () => {
    parts.project()
    const descriptor = descriptorNamed('one') as unknown as JsonObject
    const request = { graph_id: 'a\u0000b', runner: 'e\u0000u', build: '\u0000', descriptor }
    const anyGraph = new Project(PROJECT, new Set(['live']), undefined)
    const by = new Registrations(parts.log, parts.model, anyGraph)
    const { headers } = await by.register(request, { actor: ACTOR }, request)
    expect(headers).not.toHaveProperty('Ledger-Pending')
    expect(await recorded('a\ufffdb')).toMatchObject([
      { data: { graph_id: 'a\ufffdb', runner: 'e\ufffdu', build: '\ufffd' } },
    ])
  })

  test.each([
    ['while somebody projects', true],
    ['while nobody projects', false],
  ])('many at once are recorded once each, by two replicas, %s', async (_when, projected) => {
    if (projected) parts.project()
    const replicas = [registrations(), registrations()]
    const names = ['one', 'two', 'three', 'four']
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => register(names[n % 4] as string, replicas[n % 2])),
    )
    expect(answers.filter((answer) => answer.recorded)).toHaveLength(names.length)
    for (const name of names) {
      const same = answers.filter(({ hash }) => hash === hashNamed(name))
      expect(new Set(same.map(({ headers }) => headers['Ledger-Revision'])).size).toBe(1)
    }
    expect(namesIn(await recorded()).sort()).toEqual([...names].sort())
  })
})

describe('whatever else happens', () => {
  beforeEach(async () => {
    parts = await openParts()
  })
  afterEach(() => parts.close())

  test('a read model that is behind, or away, makes nothing be recorded twice', async () => {
    const projection = parts.project()
    await register('one')
    await projection.stop()
    const pending = await register('two')
    expect(pending.headers).toMatchObject({ 'Ledger-Pending': 'read-model' })
    const away = new Registrations(
      parts.log,
      { available: false, descriptors: parts.model.descriptors, reached: async () => false },
      project,
    )
    for (const by of [registrations(), away])
      for (const name of ['one', 'two']) expect(await register(name, by)).toMatchObject({ recorded: false })
    expect(await register('three', away)).toMatchObject({ recorded: true })
    expect(namesIn(await recorded())).toEqual(['one', 'two', 'three'])
  })

  test('one that others record and project while it is looked for is not recorded twice', async () => {
    parts.project()
    const { descriptors } = parts.model
    const meanwhile: GraphModel = {
      available: true,
      reached: (...of) => parts.model.reached(...of),
      descriptors: {
        newest: (...of) => descriptors.newest(...of),
        descriptor: (...of) => descriptors.descriptor(...of),
        async registered(...of) {
          const found = await descriptors.registered(...of)
          for (const name of ['one', 'two']) await register(name)
          return found
        },
      },
    }
    const slow = new Registrations(parts.log, meanwhile, project)
    expect(await register('one', slow)).toMatchObject({ recorded: false })
    expect(namesIn(await recorded())).toEqual(['one', 'two'])
  })

  test('many different ones at once wait for their turns, and get through', async () => {
    parts.project()
    const by = registrations()
    const names = Array.from({ length: 40 }, (_, n) => `number ${n}`)
    const answers = await Promise.all(names.map((name) => register(name, by)))
    expect(answers.every((answer) => answer.recorded)).toBe(true)
    expect(namesIn(await recorded())).toEqual(names)
  })

  test('an append whose answer was lost is not made twice', async () => {
    parts.project()
    let lost = 0
    const append: EventLog['append'] = async (...args) => {
      const appended = await parts.log.append(...args)
      if (lost++ === 0) throw new LogInDoubt('the answer was lost')
      return appended
    }
    const losing = new Proxy(parts.log, {
      get: (log, name) => {
        if (name === 'append') return append
        const value = Reflect.get(log, name)
        return typeof value === 'function' ? value.bind(log) : value
      },
    })
    expect(await register('one', registrations(losing))).toMatchObject({ recorded: true })
    expect(lost).toBe(2)
    expect(namesIn(await recorded())).toEqual(['one'])
  })

  test('on top of an event that cannot be read nothing is recorded, and other graphs go on', async () => {
    parts.project()
    await register('one')
    const [event] = await recorded()
    const { data, metadata } = event as RecordedEvent & { data: object; metadata: object }
    const strange = { id: randomUUID(), type: 'GraphPraised', data, metadata }
    await parts.log.append(graphStream(PROJECT, 'writer'), 0n, [strange])
    await expect(register('two')).rejects.toMatchObject({ refusal: { code: 'unreadable', revision: 1 } })
    expect(await register('one')).toMatchObject({ recorded: false })
    expect(await register('two', registrations(), {}, 'ed.itor')).toMatchObject({ recorded: true })
  })

  describe('of those on record', () => {
    /** By environment, what runners there name of the graph `writer`. */
    let running: Record<string, string[]>
    let descriptors: GraphDescriptors
    beforeEach(async () => {
      parts.project()
      running = {}
      descriptors = new GraphDescriptors(parts.model.descriptors, {
        descriptorsOf: (graph, environment) => {
          const all = environment === undefined ? Object.values(running).flat() : (running[environment] ?? [])
          return new Set(graph === 'writer' ? all.map(hashNamed) : [])
        },
      })
    })
    const inForce = async (environment?: string) => {
      const found = await descriptors.inForce('writer', environment)
      const names = found.descriptors.map(({ descriptor }) => descriptor.schemas.input_schema?.title)
      return found.incomplete ? [...names, '…'] : names
    }
    const shown = async () => (await descriptors.shown('writer'))?.descriptor.schemas.input_schema?.title

    test('those are in force that live runners name, the newest first; without any the newest', async () => {
      expect([await inForce(), await shown()]).toEqual([[], undefined])
      for (const name of ['one', 'two', 'three']) await register(name)
      expect([await inForce(), await inForce('live'), await shown()]).toEqual([['three'], ['three'], 'three'])
      running = { staging: ['two'] }
      expect([await inForce(), await inForce('live'), await shown()]).toEqual([['two'], ['three'], 'two'])
      running = { staging: ['three', 'two'], live: ['one', 'two'] }
      expect(await inForce()).toEqual(['three', 'two', 'one'])
      expect([await inForce('live'), await shown()]).toEqual([['two', 'one'], 'two'])
    })

    test('one that is not on record is told, and one too many as well', async () => {
      await register('one')
      running = { live: ['one', 'elsewhere'] }
      expect([await inForce(), await shown()]).toEqual([['one', '…'], 'one'])
      running = { live: ['elsewhere'] }
      expect([await inForce(), await shown()]).toEqual([['one', '…'], 'one'])
      const many = Array.from({ length: GRAPH_LIMITS.inForce + 1 }, (_, n) => `number ${n}`)
      for (const name of many) await register(name)
      running = { live: many }
      expect(await inForce()).toEqual([...many.slice(1).reverse(), '…'])
    })

    test('the last ones that were asked for are kept, and no more', async () => {
      const names = Array.from({ length: GRAPH_LIMITS.kept + 1 }, (_, n) => `number ${n}`)
      const by = registrations()
      await Promise.all(names.map((name) => register(name, by)))
      const reads = jest.spyOn(parts.model.descriptors, 'descriptor')
      const readsOf = async (name: string) => {
        running = { live: [name] }
        reads.mockClear()
        await shown()
        return reads.mock.calls.length
      }
      for (const name of names) expect(await readsOf(name)).toBe(1)
      expect(await readsOf(names.at(-1) as string)).toBe(0)
      expect(await readsOf(names[0] as string)).toBe(1)
    })
  })
})
