// Replicas that start together, while what they need is away or goes wrong: they wait, say for what, and begin by
// themselves.
import { assistantStream } from '@assistant-ledger/assistant'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { PROJECT } from '../faults/commands.js'
import { until } from '../faults/until.js'
import { freePort } from '../observability/scrape.js'
import { launchRegistry, type RegistryProcess } from '../support/registry.js'
import { type Grown, growOut } from './grown.js'
import { readyAt, readyOf, WELL } from './ready.js'

jest.setTimeout(120_000)

const DEADLINE_MS = 30_000

let grown: Grown
beforeEach(async () => {
  grown = await growOut()
})
afterEach(() => grown.end())

/** Launches a replica whose health can be asked for at once. */
async function launch() {
  const port = await freePort()
  const replica = await launchRegistry({
    natsUrl: grown.nats.url,
    env: { EVENTSTORE_URL: grown.store.url, DATABASE_URL: grown.postgres.url, PORT: String(port) },
  })
  grown.defer(() => replica.stop())
  const url = `http://127.0.0.1:${port}`
  const lines = (begin: string) =>
    replica
      .said()
      .split('\n')
      .filter((line) => line.startsWith(begin))
  return {
    replica,
    /** Waits until it has said, once, what it waits for. */
    async waitsFor(what: string, words: object) {
      const waiting = () => lines(`registry: waiting for ${what}`)
      await until(`the line about ${what}`, DEADLINE_MS, waiting, ({ length }) => length > 0)
      const { answer } = await until(
        `a start that waits for ${what}`,
        DEADLINE_MS,
        () => readyAt(url),
        ({ code }) => code === 503,
      )
      expect(answer.words).toMatchObject({ service: 'starting', ...words })
      expect(waiting()).toHaveLength(1)
    },
  }
}

/** It does its work, and has begun to publish where it leads. */
async function expectWell(replica: RegistryProcess): Promise<void> {
  const ready = () => readyOf(replica)
  const { answer } = await until(
    'it has begun',
    DEADLINE_MS,
    ready,
    ({ words }) => words.publication !== 'held-up',
  )
  expect(answer).toMatchObject({ code: 200, words: WELL })
}

async function expectBegunOnce(): Promise<void> {
  const events = await grown.readLog()
  const of = (type: string) => events.filter((event) => event.type === type)
  expect(of('LedgerOpened')).toHaveLength(1)
  // The system's own, of the one graph.
  expect(of('AssistantCreated')).toHaveLength(1)
  expect(events.filter(({ stream }) => stream.startsWith(assistantStream(PROJECT, '')))).toHaveLength(1)
  expect(await grown.query(`select from ledger_${PROJECT}.projections`)).toHaveLength(1)
}

test('two that start at once on nothing wait for each part with a line, begin when it is there, and begin one ledger', async () => {
  await Promise.all([grown.store.kill(), grown.postgres.kill(), grown.nats.kill()])
  const both = await Promise.all([launch(), launch()])
  const wait = (what: string, words: object) => Promise.all(both.map((one) => one.waitsFor(what, words)))
  await wait('EventStoreDB', { log: 'missing', read_model: 'missing', bus: 'missing' })
  await grown.store.restart()
  await wait('PostgreSQL', { read_model: 'missing', bus: 'missing' })
  await grown.postgres.restart()
  await wait('NATS', { log: 'there', read_model: 'current', bus: 'missing' })
  await grown.nats.restart()
  await Promise.all(both.map(({ replica }) => replica.ready))
  for (const { replica } of both) await expectWell(replica)
  await expectBegunOnce()
})

test('a store that does not answer, and then is away, while a replica starts keeps it waiting, and no more', async () => {
  // Of the very first appends one is lost, one is written without an answer, and then nothing is answered at all.
  const hanging = await grown.store.fault('hang-append', { times: 1 })
  const dropping = await grown.store.fault('drop-reply', { times: 1 })
  const { replica } = await launch()
  const ended = replica.exited().then(() => {
    throw new Error(replica.said())
  })
  await Promise.race([hanging.struck().then(() => dropping.struck()), ended])
  const away = await grown.store.fault('unavailable')
  await Promise.race([away.struck(3), ended])
  await away.takeBack()
  await Promise.race([replica.ready, ended])
  ended.catch(() => undefined)
  await expectWell(replica)
  await expectBegunOnce()
})
