// Guarantee 6: the network from NATS to a runner swallows a promotion, then breaks. NATS counts the message as
// delivered, nothing sends it again, and nobody writes anything else: the runner has to find out by itself.
import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from '@jest/globals'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { ask, PROJECT } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { MARK } from './expectations.js'
import { held } from './held.js'
import { until, untilEqual } from './until.js'

/** After healing, converged within this. */
const CONVERGED_WITHIN_MS = 5_000
const PROMOTED_DEADLINE_MS = 10_000
const ROUNDS = 3
const OLD = { version: 1, mark: 'old' }
const NEW = { version: 2, mark: 'new' }

let day: Day
afterEach(() => day.end())

async function assistantAtOld(): Promise<string> {
  const assistant_id = randomUUID()
  await ask(day.connection, 'create', { assistant_id, graph_id: 'writer', context: { [MARK]: 'old' } })
  return assistant_id
}

async function proxied() {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: day.nats.port })
  day.defer(() => proxy.close())
  return proxy
}

/** Makes version 2 live, and resolves when a runner beside the proxy has it: by then it was sent to everyone. */
async function promote(assistant_id: string, witness: Parameters<typeof held>[0]) {
  await ask(day.connection, 'update', { assistant_id, context: { [MARK]: 'new' } })
  await untilEqual(
    'the promotion at a runner that is not cut',
    PROMOTED_DEADLINE_MS,
    () => held(witness, assistant_id),
    NEW,
  )
}

test(
  'cut - a promotion that the network swallowed arrives within 5 s of healing, without another write',
  async () => {
    day = await beginDay()
    const witness = await day.follow('witness')
    const proxy = await proxied()
    const runner = await day.follow('behind-the-proxy', { servers: proxy.url })
    for (let round = 0; round < ROUNDS; round++) {
      const id = await assistantAtOld()
      await untilEqual(
        'the old version at both',
        PROMOTED_DEADLINE_MS,
        () => [held(runner, id), held(witness, id)],
        [OLD, OLD],
      )
      proxy.swallow()
      await promote(id, witness)
      proxy.cut()
      expect(held(runner, id)).toEqual(OLD)
      proxy.heal()
      await untilEqual('the new version after healing', CONVERGED_WITHIN_MS, () => held(runner, id), NEW)
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'cut - a plain watch of the same key misses the same promotion',
  async () => {
    day = await beginDay()
    const witness = await day.follow('witness')
    const proxy = await proxied()
    const connection = await connect({ servers: proxy.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    day.defer(() => connection.close())
    const id = await assistantAtOld()
    const bucket = await new Kvm(connection).open(`assistant_configs_${PROJECT}`)
    let seen = 0
    const watch = await bucket.watch({ key: `live.writer.${id}` })
    const watching = (async () => {
      for await (const entry of watch) seen = entry.json<{ version: number }>().version
    })()
    day.defer(async () => {
      watch.stop()
      await watching
    })
    await until(
      'the watch at version 1',
      PROMOTED_DEADLINE_MS,
      () => seen,
      (version) => version === 1,
    )
    proxy.swallow()
    await promote(id, witness)
    proxy.cut()
    proxy.heal()
    await until(
      'the watch connected again',
      CONVERGED_WITHIN_MS,
      () =>
        connection.flush().then(
          () => true,
          () => false,
        ),
      Boolean,
    )
    await expect(
      until(
        'the watch at version 2',
        CONVERGED_WITHIN_MS,
        () => seen,
        (version) => version === 2,
      ),
    ).rejects.toThrow('last seen: 1')
  },
  TEST_TIMEOUT_MS,
)
