// `npm run bench`: sets up, builds, and runs the benchmark against the built packages.
import process from 'node:process'
import { bin, main, run, setup } from './setup.mjs'

await main(async () => {
  await setup()
  run(process.execPath, [bin('typescript/bin/tsc'), '-b'])
  // As the service runs.
  run(process.execPath, [
    '--max-semi-space-size=64',
    '--import',
    'tsx',
    'test/bench/main.ts',
    ...process.argv.slice(2),
  ])
})
