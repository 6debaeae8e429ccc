// Guarantees 5 and 6 where a runner starts: without NATS it serves its disk copy and says that it is stale; killed
// right after a swap, it comes up on what it swapped to.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from '@jest/globals'
import { ask } from './commands.js'
import { beginDay, type Day, TEST_TIMEOUT_MS } from './day.js'
import { MARK } from './expectations.js'
import { held } from './held.js'
import { until, untilEqual } from './until.js'

const LIVE_DEADLINE_MS = 15_000
const RUNNER_DEADLINE_MS = 30_000
const INIT_TIMEOUT_MS = 500
/** Kills, each right after a swap. */
const ROUNDS = 3

let day: Day
afterEach(() => day.end())

test(
  'runner start - with NATS down it serves its disk copy as stale, then goes live',
  async () => {
    day = await beginDay()
    const { connection, nats } = day
    const assistant_id = randomUUID()
    const cacheDir = join(day.dataDir, 'cache')
    await ask(connection, 'create', { assistant_id, graph_id: 'writer', context: { [MARK]: 'on disk' } })
    const before = await day.follow('restarted', { cacheDir })
    await untilEqual('the assistant at the runner', LIVE_DEADLINE_MS, () => held(before, assistant_id), {
      version: 1,
      mark: 'on disk',
    })
    await before.close()
    await ask(connection, 'update', { assistant_id, context: { [MARK]: 'made meanwhile' } })
    await nats.kill('SIGTERM')

    const runner = await day.follow('restarted', { cacheDir, initTimeoutMs: INIT_TIMEOUT_MS })
    const states: string[] = []
    runner.on('state', ({ to }) => states.push(to))
    expect(held(runner, assistant_id)).toEqual({ version: 1, mark: 'on disk' })
    expect(runner.get(assistant_id)?.source).toBe('disk')
    expect(runner.status().state).toBe('stale')

    await nats.restart()
    await untilEqual(
      'live on what was made meanwhile',
      LIVE_DEADLINE_MS,
      () => ({ state: runner.status().state, ...held(runner, assistant_id) }),
      { state: 'live', version: 2, mark: 'made meanwhile' },
    )
    expect(states).toEqual(['live'])
  },
  TEST_TIMEOUT_MS,
)

test(
  'runner start - killed right after a swap, it comes up on the new version',
  async () => {
    day = await beginDay()
    const { connection } = day
    const assistant_id = randomUUID()
    await ask(connection, 'create', { assistant_id, graph_id: 'writer', context: { prompt: 'version 1' } })
    let runner = startRunner()
    await runner.said('live')
    for (let version = 2; version < 2 + ROUNDS; version++) {
      const swapped = runner.said(
        'reload',
        ({ ref }) => ref?.startsWith(`${assistant_id}@1.${version}#`) ?? false,
      )
      await ask(connection, 'update', { assistant_id, context: { prompt: `version ${version}` } })
      await swapped
      await runner.kill()
      runner = startRunner()
      await runner.said('live')
      const run = await runOf(assistant_id)
      expect(run.ref).toMatch(new RegExp(`^${assistant_id}@1\\.${version}#`))
      expect(run.output.text).toContain(`version ${version}`)
    }
  },
  TEST_TIMEOUT_MS,
)

interface Line {
  readonly event: string
  readonly ref?: string
}

/** A run over the bus, asked for again until this one runner takes runs. */
async function runOf(assistant_id: string): Promise<{ ref: string; output: { text: string } }> {
  const { answer } = await until(
    'a run',
    RUNNER_DEADLINE_MS,
    async () => {
      const reply = await day.connection.request(
        'assistants.v1.default.runs.writer',
        JSON.stringify({ assistant_id, input: { topic: 'faults' } }),
        { timeout: RUNNER_DEADLINE_MS },
      )
      return reply.json<{ ref: string; output: { text: string }; code?: string }>()
    },
    ({ code }) => code === undefined,
  )
  return answer
}

/** The reference runner as its own process; `said` resolves with the line that it prints next of that event. */
function startRunner() {
  const child = spawn(process.execPath, ['apps/runner/dist/main.js'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NATS_URL: day.nats.url,
      RUNNER_NAME: 'killed',
      CACHE_DIR: join(day.dataDir, 'cache'),
      LANGGRAPH_JSON: 'langgraph.json',
    },
  })
  const exited = once(child, 'exit')
  const lines: Line[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  day.defer(kill)
  return {
    kill,
    async said(event: string, accept: (line: Line) => boolean = () => true): Promise<Line> {
      const { answer } = await until(
        `the runner's line ${event}`,
        RUNNER_DEADLINE_MS,
        () => lines.find((line) => line.event === event && accept(line)) ?? lines,
        (found) => found !== lines,
      )
      return answer as Line
    },
  }
}
