// scripts/watch.mjs as a person runs it, against a real NATS.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

const TEST_TIMEOUT_MS = 30_000
const ID = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c00aa'

let nats: NatsServer
let connection: NatsConnection
beforeAll(async () => {
  nats = await startNatsServer()
  connection = await connect({ servers: nats.url })
})
afterAll(async () => {
  await connection?.close()
  await nats?.stop()
})

const watch = (...args: string[]) =>
  spawn(process.execPath, ['scripts/watch.mjs', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, NATS_URL: nats.url, PROJECT: 'press', DATA_DIR: tmpdir() },
  })

test.each([[[ID.toUpperCase()]], [[]]])(
  'watch %j - a line for each step, until Ctrl-C',
  async (args) => {
    const child = watch(...args)
    await once(createInterface({ input: child.stderr }), 'line')
    const line = once(createInterface({ input: child.stdout }), 'line')
    connection.publish(`assistants.v1.press.fleet.${ID}`, '{"revision":3,"converged":true}')
    expect(JSON.parse((await line)[0])).toEqual({ assistant_id: ID, revision: 3, converged: true })
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
  },
  TEST_TIMEOUT_MS,
)

test(
  'watch - what is no id is refused',
  async () => {
    const child = watch('live')
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect([err, code]).toEqual([expect.stringMatching(/^usage: npm run -s watch/), 2])
  },
  TEST_TIMEOUT_MS,
)
