// The descriptors of graphs in the read model: what was registered, in whatever batches it came; what cannot be read; and
// that no other project's are seen.
import {
  type GraphRegistered,
  graphStream,
  type Head,
  readDescriptor,
  sealGraphEvent,
} from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { RevisionGap } from '@assistant-ledger/read-model'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { descriptorNamed } from '../support/descriptor.js'
import { DATABASES, type Databases, type Place } from './databases.js'

jest.setTimeout(60_000)

/** Graphs and what was registered of each, in the order of the log. */
const REGISTERED = [
  ['writer', 'one'],
  ['ed.itor', 'one'],
  ['writer', 'two'],
  ['ünïcode \ud83d\ude00', 'odd'],
  ['writer', 'three'],
  ['ed.itor', 'two'],
] as const

const hashNamed = (name: string): string => {
  const read = readDescriptor(descriptorNamed(name) as never, 'descriptor')
  return read.ok ? read.value.hash : ''
}

function eventsOf(project: string, registered: readonly (readonly [string, string])[]): RecordedEvent[] {
  const heads = new Map<string, Head>()
  return registered.map(([graph, name], n) => {
    const stream = graphStream(project, graph)
    const head = heads.get(stream)
    const data: GraphRegistered['data'] = {
      graph_id: graph,
      hash: hashNamed(name),
      descriptor: descriptorNamed(name),
      runner: `runner ${n}`,
      ...(n % 2 === 0 ? { build: `build ${n}` } : {}),
      salt: `${n}`,
    }
    const { id, type, metadata } = sealGraphEvent({ type: 'GraphRegistered', data }, head, {
      stream,
      commandId: `${n}`,
      commandHash: '',
      actor: { id: 'eu', verified: false, via: 'nats' },
      now: `2026-01-01T00:00:0${n}.000000+00:00`,
    })
    const revision = (head?.revision ?? -1n) + 1n
    heads.set(stream, { revision, hash: metadata.hash, at: metadata.at })
    return { id, type, data, metadata, stream, revision, position: BigInt(n + 1) }
  })
}

const events = eventsOf('default', REGISTERED)
const position = BigInt(events.length)

describe.each(DATABASES)('in %s', (_name, start) => {
  let databases: Databases
  let place: Place
  beforeAll(async () => {
    databases = await start()
  })
  afterAll(() => databases.stop())
  beforeEach(async () => {
    place = await databases.place()
  })
  afterEach(() => place.close())

  test('each is found by its hash, and the newest of its graph', async () => {
    const model = await place.open('whole')
    await model.apply(events, position)
    const { descriptors } = model
    expect(await descriptors.newest('writer')).toEqual({
      graphId: 'writer',
      hash: hashNamed('three'),
      revision: 2n,
      position: 5n,
      registeredAt: '2026-01-01T00:00:04.000000+00:00',
      runner: 'runner 4',
      build: 'build 4',
    })
    for (const [graph, name] of REGISTERED) {
      const hash = hashNamed(name)
      expect(await descriptors.registered(graph, hash)).toMatchObject({ graphId: graph, hash })
      expect(await descriptors.descriptor(graph, hash)).toEqual(descriptorNamed(name))
    }
    expect(await descriptors.registered('ed.itor', hashNamed('one'))).not.toHaveProperty('build')
    for (const [graph, name] of [
      ['writer', 'odd'],
      ['editor', 'one'],
      ['nul \u0000', 'one'],
    ] as const) {
      expect(await descriptors.registered(graph, hashNamed(name))).toBeUndefined()
      expect(await descriptors.descriptor(graph, hashNamed(name))).toBeUndefined()
    }
    expect(await descriptors.newest('editor')).toBeUndefined()
  })

  test('the rows are the same however the events are cut into batches, and seen twice are there once', async () => {
    const whole = await place.open('whole')
    await whole.apply(events, position)
    const cut = await place.open('cut')
    for (const event of events) await cut.apply([event], event.position)
    await cut.apply(events.slice(2), position)
    const rows = await place.rows('whole')
    expect(rows.graph_descriptors).toHaveLength(events.length)
    expect(await place.rows('cut')).toEqual(rows)
    await cut.clear()
    expect(await cut.descriptors.newest('writer')).toBeUndefined()
    await cut.apply(events, position)
    expect(await place.rows('cut')).toEqual(rows)
  })

  test('a gap stops, and an event that cannot be read keeps what was before it', async () => {
    const model = await place.open('whole')
    await model.apply(events.slice(0, 1), 1n)
    await expect(model.apply(events.slice(4), position)).rejects.toThrow(RevisionGap)
    const strange = events.map((event) =>
      event.revision === 1n ? { ...event, type: 'GraphPraised' } : event,
    )
    await model.apply(strange, position)
    expect(model.quarantined.map(({ stream, revision }) => [stream, revision]).sort()).toEqual([
      ['graph.default-ed=2Eitor', 1n],
      ['graph.default-writer', 1n],
    ])
    expect(await model.descriptors.newest('writer')).toMatchObject({ hash: hashNamed('one') })
    expect(await model.descriptors.newest('ed.itor')).toMatchObject({ hash: hashNamed('one') })
  })

  test('those of a project whose name begins alike are not taken for its own', async () => {
    const model = await place.open('whole')
    await model.apply(eventsOf('default2', REGISTERED), position)
    expect(await model.descriptors.newest('writer')).toBeUndefined()
  })
})
