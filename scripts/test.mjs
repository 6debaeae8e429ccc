// `npm test`, which is all that CI runs: set-up, build, type check of the tests, lint, unit and end to end.
// Every check runs even when one before it failed, and the last line says how many tests passed.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { bin, main, ROOT, run, SetupFailed, setupTests } from './setup.mjs'

/** The tests of a slow machine end well before; what has not ended by then hangs. */
const TESTS_DEADLINE_MS = 18 * 60_000
/** A test run that has reported and does not end by then has left something running. */
const END_DEADLINE_MS = 20_000
const LOOK_EVERY_MS = 1_000

const CHECKS = [
  ['type check', [bin('typescript/bin/tsc'), '-p', 'test/tsconfig.json']],
  ['lint', [bin('@biomejs/biome/bin/biome'), 'check', '.']],
]

await main(async () => {
  await setupTests()
  run(process.execPath, [bin('typescript/bin/tsc'), '-b'])
  const failed = []
  for (const [name, args] of CHECKS) if ((await node(args)) !== 0) failed.push(name)

  const folder = mkdtempSync(join(tmpdir(), 'assistant-ledger-test-'))
  const report = join(folder, 'jest.json')
  const passed = await jest(report)
  const counts = read(report)
  rmSync(folder, { recursive: true, force: true })

  if (!passed || !counts) failed.push('tests')
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`)
  const failures = counts ? counts.numFailedTests + counts.numRuntimeErrorTestSuites : 0
  const atLeast = failed.length > 0 ? 1 : 0
  const broken = failed.filter((name) => name !== 'tests').length
  console.log(`${counts?.numPassedTests ?? 0} passed, ${Math.max(failures + broken, atLeast)} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
})

/** Whether all tests passed and the run then ended by itself: one that does not is ended, and has failed. */
async function jest(report) {
  const args = ['--experimental-vm-modules', '--no-warnings', bin('jest/bin/jest.js')]
  const child = start([...args, '--json', '--outputFile', report, ...process.argv.slice(2)], 'ignore')
  let overdue
  let left = END_DEADLINE_MS
  const began = performance.now()
  const watch = setInterval(() => {
    if (existsSync(report)) left -= LOOK_EVERY_MS
    if (left <= 0) overdue = 'the tests have ended, but something that they started has not'
    else if (performance.now() - began > TESTS_DEADLINE_MS) overdue = 'the tests do not end'
    if (overdue) child.kill('SIGKILL')
  }, LOOK_EVERY_MS)
  const status = await ended(child)
  clearInterval(watch)
  if (overdue) console.error(`${overdue}: ended by force`)
  return status === 0
}

function node(args) {
  return ended(start(args, 'inherit'))
}

/** No standard input: nothing in a test run waits for a person. Jest's JSON goes to its file alone. */
function start(args, output) {
  return spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', output, 'inherit'] })
}

/** The exit code, null when it was killed. */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new SetupFailed(error.message)))
    child.once('exit', (code) => resolve(code))
  })
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return undefined
  }
}
