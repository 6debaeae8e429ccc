// What `fleet` refuses: fields of another question, and what there is none of, each by its own name.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { untilEqual } from '../faults/until.js'
import type { TestRunner } from './runner.js'
import { beginStage, DEADLINE_MS, type Stage } from './stage.js'

jest.setTimeout(60_000)

let stage: Stage
beforeAll(async () => {
  stage = await beginStage()
})
afterAll(() => stage.end())

const refusal = async (body: object, headers = {}) =>
  (await stage.bus.send('fleet', body, headers)).body as { code: string; detail: string; field?: string }
const BIG = 1e30

describe('a field that is not of the question', () => {
  test.each([
    ['revision', { revision: 1 }],
    ['at', { at: '2026-01-01T00:00:00Z' }],
    ['promotions', { promotions: true }],
  ])('%s without an assistant', async (field, body) => {
    expect(await refusal(body)).toMatchObject({ code: 'invalid-request', field })
  })

  test.each([
    ['runner', { runner: 'eu' }],
    ['gone', { gone: true }],
    ['limit', { limit: 1 }],
    ['at', { revision: 1, at: '2026-01-01T00:00:00Z' }],
    ['revision', { revision: 1, promotions: true }],
    ['revision', { revision: BIG }],
  ])('%s beside an assistant', async (field, body) => {
    const { assistant_id } = stage
    expect(await refusal({ assistant_id, ...body })).toMatchObject({ code: 'invalid-request', field })
  })

  test('If-Match, which makes commands conditional', async () => {
    expect(await refusal({}, { 'If-Match': '1' })).toMatchObject({ code: 'invalid-request' })
  })
})

test('wait_ms alone, and beyond what there is, is refused by its own range', async () => {
  const { bus, assistant_id } = stage
  for (const body of [{ wait_ms: 5 }, { wait: 'converged', wait_ms: BIG }]) {
    const { body: refused } = await bus.send('rollback', { assistant_id, ...body })
    expect(refused).toMatchObject({ code: 'invalid-request', field: 'wait_ms' })
  }
})

test('what there is none of is named: the environment, the assistant, the promotion', async () => {
  const { assistant_id } = stage
  const unknown = { code: 'unknown-environment', detail: expect.stringMatching(/live, staging/) }
  expect(await refusal({ environment: 'nosuch' })).toMatchObject(unknown)
  expect(await refusal({ assistant_id, environment: 'nosuch' })).toMatchObject(unknown)
  const notFound = (detail: RegExp) => ({ code: 'not-found', detail: expect.stringMatching(detail) })
  expect(await refusal({ assistant_id: randomUUID() })).toMatchObject(notFound(/^Assistant not found/))
  expect(await refusal({ assistant_id, environment: 'staging' })).toMatchObject(
    notFound(/ever in environment staging/),
  )
  expect(await refusal({ assistant_id, revision: 77 })).toMatchObject(
    notFound(/Revision 77 .* no promotion in live/),
  )
  expect(await refusal({ assistant_id, at: '2001-01-01T00:00:00Z' })).toMatchObject(
    notFound(/Nothing .* at 2001/),
  )
})

test('runners of one environment, and of one stay what it was on only where that is known', async () => {
  const { bus } = stage
  const [eu] = (await stage.there('eu')) as [TestRunner]
  stage.runner('st', { environment: 'staging' }).come()
  const names = async (body: object) =>
    (await bus.ask<{ runner: string }[]>('fleet', body)).map(({ runner }) => runner)
  await untilEqual('both there', DEADLINE_MS, () => names({}), ['eu', 'st'])
  expect(await names({ environment: 'staging' })).toEqual(['st'])
  eu.close()
  await untilEqual('gone', DEADLINE_MS, () => names({ environment: 'live' }), [])
  await eu.active(await stage.standing())
  eu.come()
  await untilEqual('back', DEADLINE_MS, () => names({ environment: 'live' }), ['eu'])
  const stays = () =>
    bus.ask<{ state: string; assistants_on?: object[] }[]>('fleet', { runner: 'eu', gone: true })
  const shown = async () => (await stays()).map(({ state, assistants_on }) => [state, assistants_on?.length])
  await untilEqual('on it', DEADLINE_MS, shown, [
    ['gone', undefined],
    ['live', 1],
  ])
})
