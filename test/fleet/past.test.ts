// What is shown of promotions of the past: as they went, for ever, and who made and ended them, and why.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { until, untilEqual } from '../faults/until.js'
import type { TestRunner } from './runner.js'
import { beginStage, DEADLINE_MS, type Stage } from './stage.js'

jest.setTimeout(90_000)

let stage: Stage
beforeEach(async () => {
  stage = await beginStage()
})
afterEach(() => stage.end())

const active = async () => (await stage.standing()).active.length
const counted = async () => (await stage.standing()).of

test('a superseded promotion stays as it was then: who lagged lags, who came to it later did not make it', async () => {
  const { bus, assistant_id, standing } = stage
  const [eu, us, ap] = (await stage.there('eu', 'us', 'ap')) as [TestRunner, TestRunner, TestRunner]
  const first = await stage.update({ name: 'v2' })
  await eu.active(first)
  await untilEqual('one active', DEADLINE_MS, active, 1)
  ap.close()
  await untilEqual('two there', DEADLINE_MS, counted, 2)
  const second = await stage.update({ name: 'v3' })
  await us.active(first)
  await eu.active(second)
  await us.active(second)
  await untilEqual('both active', DEADLINE_MS, active, 2)
  us.close()
  await untilEqual('one runner', DEADLINE_MS, counted, 1)

  const names = (all: { runner: string }[]) => all.map(({ runner }) => runner)
  const past = await standing({ revision: first.revision })
  expect(past).toMatchObject({ version: 2, converged: false, of: 2, gone: [{ runner: 'ap' }] })
  expect([names(past.active), names(past.lagging)]).toEqual([['eu'], ['us']])
  // The present one is not over: us was there when it was promoted, and was active.
  const present = await standing({ revision: second.revision })
  expect(names(present.active).sort()).toEqual(['eu', 'us'])
  const then = await standing({ at: second.promoted_at })
  expect(then).toMatchObject({ version: 3, of: 2, active: [] })
  expect((await bus.send('fleet', { assistant_id, at: '2001-01-01T00:00:00Z' })).status).toBe(404)
})

test('as of a time, whoever had left by then or came later does not count', async () => {
  const [, us] = (await stage.there('eu', 'us')) as [TestRunner, TestRunner]
  us.close()
  await untilEqual('one runner', DEADLINE_MS, counted, 1)
  const { promoted_at: at, revision } = await stage.update({ name: 'v2' })
  stage.runner('ap').come()
  us.come()
  await untilEqual('three runners', DEADLINE_MS, counted, 3)
  us.close()
  await untilEqual('two runners', DEADLINE_MS, counted, 2)
  for (const which of [{ at }, { revision }])
    expect((await stage.standing(which)).lagging.map((one) => one.runner)).toEqual(['eu'])
})

test('who leaves and comes back has one time, however it is asked for, and lags until then', async () => {
  const [eu] = (await stage.there('eu')) as [TestRunner]
  const on = await stage.update({ name: 'v2' })
  eu.close()
  await untilEqual('nobody there', DEADLINE_MS, counted, 0)
  await until(
    'a while',
    DEADLINE_MS,
    () => Date.now() - Date.parse(on.promoted_at),
    (ms) => ms > 1_000,
  )
  eu.come()
  await untilEqual('back', DEADLINE_MS, counted, 1)
  const { revision } = on
  expect(await stage.standing({ revision })).toMatchObject({ lagging: [{ runner: 'eu' }], gone: [] })
  await eu.active(on)
  await untilEqual('active', DEADLINE_MS, active, 1)
  const [now] = (await stage.standing()).active
  expect(now?.after_ms).toBeLessThan(1_000)
  expect((await stage.standing({ revision })).active).toEqual([now])
  await stage.update({ name: 'v3' })
  expect((await stage.standing({ revision })).active).toEqual([now])
})

test('a refusal stands when its runner has gone, until one of that name comes again', async () => {
  const { bus, assistant_id } = stage
  const [eu, us] = (await stage.there('eu', 'us')) as [TestRunner, TestRunner]
  const waiting = bus.ask<{ receipt: object }>('update', { assistant_id, wait: 'converged', wait_ms: 60_000 })
  const { answer: on } = await until('promoted', DEADLINE_MS, stage.standing, ({ version }) => version === 2)
  await us.rejects(on, 'cannot go on')
  us.close()
  await untilEqual('gone', DEADLINE_MS, async () => (await bus.ask<object[]>('fleet', {})).length, 1)
  await eu.active(on)
  const refusal = { converged: false, active: 1, of: 2, rejected: [{ runner: 'us', reason: 'cannot go on' }] }
  expect((await waiting).receipt).toMatchObject(refusal)
  const again = stage.runner('us').come()
  await untilEqual('back', DEADLINE_MS, async () => (await stage.standing()).lagging.length, 1)
  await again.active(on)
  await untilEqual('both active', DEADLINE_MS, active, 2)
  expect(await stage.standing()).toMatchObject({ converged: true, of: 2, rejected: [] })
})

test('who promoted what, why, under which guard, and what ended it', async () => {
  const { bus, assistant_id } = stage
  const by = (id: string) => ({ id, verified: false, via: 'nats' })
  await bus.ask('update', { assistant_id, name: 'v2', promote: false })
  const guard = { min_active: '60%', within_ms: 60_000, on_reject: 'ignore' }
  await bus.ask('promote', { assistant_id, version: 2, guard }, { 'X-Actor': 'ada', 'X-Reason': 'spring' })
  const { revision } = await stage.standing()
  const made = { version: 2, revision, promoted_by: by('ada'), reason: 'spring', replaces: 1, guard }
  expect(await stage.standing()).toMatchObject(made)
  expect(await stage.standing()).not.toHaveProperty('superseded')
  await bus.ask('rollback', { assistant_id }, { 'X-Actor': 'bob', 'X-Reason': 'too%20loud' })
  const { promoted_at } = await stage.standing()
  const ended = { revision: revision + 1, at: promoted_at, by: by('bob'), version: 1, rollback: true }
  expect(await stage.standing({ revision })).toMatchObject({
    ...made,
    superseded: { ...ended, reason: 'too loud' },
  })
  const all = await bus.ask<object[]>('fleet', { assistant_id, promotions: true })
  expect(all).toMatchObject([
    { environment: 'live', version: 1, revision: revision + 1, rollback: true, replaces: 2 },
    { ...made, superseded: ended },
    { environment: 'live', version: 1, revision: 0, superseded: { revision, by: by('ada') } },
  ])
  const page = { assistant_id, promotions: true, limit: 1, offset: 1 }
  expect(await bus.ask('fleet', page)).toEqual([all[1]])
})

test('a guard shows that it took a promotion back, and why', async () => {
  const { bus, assistant_id } = stage
  const [eu] = (await stage.there('eu')) as [TestRunner]
  await bus.ask('update', { assistant_id, name: 'v2', promote: false })
  await bus.ask('promote', { assistant_id, version: 2, guard: { within_ms: 60_000 } })
  const on = await stage.standing()
  await eu.rejects(on, 'not here')
  await until('the way back', DEADLINE_MS, stage.standing, ({ version }) => version === 1)
  expect(await stage.standing({ revision: on.revision })).toMatchObject({
    rejected: [{ runner: 'eu', reason: 'not here' }],
    taken_back: {
      revision: on.revision + 1,
      by: { id: 'guard', verified: true, via: 'system' },
      reason: expect.stringMatching(/eu refused it: not here/),
    },
  })
})

test('a deleted assistant keeps its promotions, and says when it ended', async () => {
  const { bus, assistant_id } = stage
  const on = await stage.standing()
  await bus.ask('delete', { assistant_id }, { 'X-Actor': 'ada' })
  const { status, body } = await bus.send('fleet', { assistant_id })
  expect([status, (body as { detail: string }).detail]).toEqual([
    404,
    expect.stringMatching(/deletion at revision 1/),
  ])
  expect(await stage.standing({ revision: on.revision })).toMatchObject({
    superseded: { revision: 1, deleted: true, by: { id: 'ada' } },
  })
})
