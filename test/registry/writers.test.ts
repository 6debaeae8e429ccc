// Many writers on one assistant: no lost update, no version number twice, no conflict within one process, and no
// rollback that undoes what its caller did not know of.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Assistant, BusClient } from '../support/bus.js'
import { type Service, startService } from '../support/service.js'

let service: Service
let bus: BusClient

beforeAll(async () => {
  service = await startService()
  bus = service.bus
}, 90_000)

afterAll(() => service?.stop(), 30_000)

test('40 writers - every update is there, each under its own number', async () => {
  const WRITERS = 40
  const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
  const writers = Array.from({ length: WRITERS }, (_, writer) => writer)
  const made = await Promise.all(
    writers.map((writer) => bus.ask('update', { assistant_id, metadata: { [`writer-${writer}`]: true } })),
  )
  const numbers = made.map(({ version }) => version).sort((a, b) => a - b)
  expect(numbers).toEqual(writers.map((writer) => writer + 2))
  const live = await bus.ask('get', { assistant_id })
  expect(Object.keys(live.metadata).sort()).toEqual(writers.map((writer) => `writer-${writer}`).sort())
  expect(live.version).toBe(WRITERS + 1)
  const versions = await bus.ask<Assistant[]>('versions', { assistant_id, limit: 100 })
  expect(versions.map(({ version }) => version)).toEqual([...numbers.reverse(), 1])
})

test('a rollback that races with a promotion is refused as moved, whichever comes first', async () => {
  const ROUNDS = 20
  for (let round = 0; round < ROUNDS; round++) {
    const { assistant_id } = await bus.ask('create', { graph_id: 'writer' })
    for (const name of ['two', 'three']) await bus.ask('update', { assistant_id, name })
    // Both leave in one write, so that both have arrived before either is decided.
    const promotion = () => bus.send('promote', { assistant_id, version: 1, replaces: 3 })
    const rollback = () => bus.send('rollback', { assistant_id })
    const sends = round % 2 === 0 ? [promotion, rollback] : [rollback, promotion]
    const replies = await Promise.all(sends.map((send) => send()))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409])
    const refused = replies.find(({ status }) => status === 409)
    expect(refused?.body).toMatchObject({ code: 'moved' })
    const winner = replies.find(({ status }) => status === 200)?.body as Assistant
    expect(await bus.ask('get', { assistant_id })).toEqual(winner)
  }
})
