// `npm test`, which is all that CI runs: set-up, build, type check of the tests, lint, unit and end to end.
// Every check runs even when one before it failed, and the last line says how many tests passed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { bin, main, ROOT, run, SetupFailed, setup } from './setup.mjs'

const CHECKS = [
  ['type check', [bin('typescript/bin/tsc'), '-p', 'test/tsconfig.json']],
  ['lint', [bin('@biomejs/biome/bin/biome'), 'check', '.']],
]

await main(async () => {
  await setup()
  run(process.execPath, [bin('typescript/bin/tsc'), '-b'])
  const failed = CHECKS.filter(([, args]) => node(args) !== 0).map(([name]) => name)

  const folder = mkdtempSync(join(tmpdir(), 'assistant-ledger-test-'))
  const report = join(folder, 'jest.json')
  const jest = ['--experimental-vm-modules', '--no-warnings', bin('jest/bin/jest.js')]
  const status = node([...jest, '--json', '--outputFile', report, ...process.argv.slice(2)])
  const counts = read(report)
  rmSync(folder, { recursive: true, force: true })

  if (status !== 0 || !counts) failed.push('tests')
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`)
  const broken = (counts?.numRuntimeErrorTestSuites ?? 0) + failed.filter((name) => name !== 'tests').length
  console.log(`${counts?.numPassedTests ?? 0} passed, ${(counts?.numFailedTests ?? 1) + broken} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
})

/** No standard input: nothing in a test run waits for a person. Jest's JSON goes to its file alone. */
function node(args) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', args.includes('--json') ? 'ignore' : 'inherit', 'inherit'],
  })
  if (error) throw new SetupFailed(error.message)
  return status
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return undefined
  }
}
