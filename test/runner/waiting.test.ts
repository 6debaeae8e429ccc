// The reference runner as its own process, following what no registry publishes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from '@jest/globals'
import { startService } from '../support/service.js'

const TEST_TIMEOUT_MS = 60_000

test(
  'waiting - a runner of an environment that there is not says what it waits for',
  async () => {
    const { nats, stop } = await startService()
    const child = spawn(process.execPath, ['apps/runner/dist/main.js'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, NATS_URL: nats.url, ENVIRONMENT: 'nosuch', RUNNER_NAME: 'lost' },
    })
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
      expect(JSON.parse(line)).toMatchObject({
        event: 'waiting',
        runner: 'lost',
        environment: 'nosuch',
        detail: expect.stringMatching(/environment nosuch and graph writer .*ENVIRONMENTS/),
      })
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
      await stop()
    }
  },
  TEST_TIMEOUT_MS,
)
