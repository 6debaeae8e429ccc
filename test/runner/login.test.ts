// The reference runner as its own process, with a login that NATS refuses.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { startNatsServer } from '../support/nats-server.js'

const TEST_TIMEOUT_MS = 30_000
/** Less than the 10 s for which a runner waits for its first configurations. */
const END_DEADLINE_MS = 8_000

test(
  'login - a runner that NATS refuses ends soon, with one line that has no password',
  async () => {
    const nats = await startNatsServer({
      config: 'accounts { A { users: [{ user: "eu", password: "right" }] } }',
    })
    const child = spawn(process.execPath, ['apps/runner/dist/main.js'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, NATS_URL: nats.url, NATS_USER: 'eu', NATS_PASSWORD: 'wr0ng' },
      timeout: END_DEADLINE_MS,
    })
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    await nats.stop()
    expect({ out, code }).toEqual({ out: '', code: 1 })
    expect(err).toMatch(/^NATS refuses this runner: check NATS_USER and NATS_PASSWORD \([^\n]+\)\n$/)
    expect(err).not.toContain('wr0ng')
  },
  TEST_TIMEOUT_MS,
)
