// The live feed of convergence, as whoever watches hears it.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { until, untilEqual } from '../faults/until.js'
import type { TestRunner } from './runner.js'
import { beginStage, DEADLINE_MS, type Stage } from './stage.js'

jest.setTimeout(90_000)

interface Told {
  readonly environment: string
  readonly revision: number
  readonly version: number
  readonly ref: string
  readonly converged: boolean
  readonly active: number
  readonly of: number
  readonly rejected: { runner: string }[]
  readonly lagging: string[]
  readonly taken_back?: { revision: number }
  readonly superseded?: { revision: number }
}

let stage: Stage
let heard: Told[]
beforeEach(async () => {
  stage = await beginStage()
  heard = []
})
afterEach(() => stage.end())

/** Hears all from here on. */
function watch(): void {
  stage.connection.subscribe(`assistants.v1.default.fleet.${stage.assistant_id}`, {
    callback: (_error, message) => void heard.push(message.json()),
  })
}

const heardOf = (wanted: (one: Told) => boolean) =>
  until(
    'a message',
    DEADLINE_MS,
    () => heard,
    (all) => all.some(wanted),
  )

test('each step is told, by environment, revision, version and reference', async () => {
  const [eu] = (await stage.there('eu')) as [TestRunner]
  watch()
  const on = await stage.update()
  const { revision, ref } = on
  await heardOf((one) => one.revision === revision)
  await eu.active(on)
  await heardOf((one) => one.revision === revision && one.active === 1)
  expect(heard.at(-1)).toMatchObject({
    environment: 'live',
    revision,
    version: 2,
    ref,
    converged: true,
    of: 1,
  })
})

test('the last one that lagged has gone', async () => {
  const [eu, us] = (await stage.there('eu', 'us')) as [TestRunner, TestRunner]
  watch()
  await eu.active(await stage.standing())
  await heardOf((one) => one.lagging[0] === 'us')
  us.close()
  await heardOf((one) => one.converged && one.of === 1)
})

test('a promotion that its guard takes back at once is told with its refusal and its end', async () => {
  const { bus, assistant_id } = stage
  const [eu] = (await stage.there('eu')) as [TestRunner]
  await bus.ask('update', { assistant_id, name: 'v2', promote: false })
  watch()
  await bus.ask('promote', { assistant_id, version: 2, guard: { within_ms: 60_000 } })
  const on = await stage.standing()
  await eu.rejects(on, 'not here')
  await heardOf((one) => one.revision === on.revision + 1)
  const last = heard.filter((one) => one.revision === on.revision).at(-1)
  expect(last).toMatchObject({ rejected: [{ runner: 'eu' }], taken_back: { revision: on.revision + 1 } })
})

test('what has not changed is not told again', async () => {
  const { bus, assistant_id } = stage
  const [eu] = (await stage.there('eu')) as [TestRunner]
  watch()
  await bus.ask('promote', { assistant_id, version: 1, environment: 'staging' })
  await heardOf((one) => one.environment === 'staging')
  const on = await stage.update()
  await eu.active(on)
  await heardOf((one) => one.revision === on.revision && one.active === 1)
  await eu.rejects(on, 'too late to refuse')
  await stage.update()
  await untilEqual('the next', DEADLINE_MS, () => heard.at(-1)?.version, 3)
  const texts = heard.map((one) => JSON.stringify(one))
  expect(new Set(texts).size).toBe(texts.length)
  expect(heard.filter(({ environment }) => environment === 'staging')).toHaveLength(1)
})
