// `npm start`, and with --demo `npm run demo`: sets up, builds, then becomes the local stack (apps/local).
import process from 'node:process'
import { bin, main, ROOT, run, setup } from './setup.mjs'

await main(async () => {
  process.chdir(ROOT)
  await setup()
  run(process.execPath, [bin('typescript/bin/tsc'), '-b'])
  // In this very process: a Ctrl-C then has one receiver, which stops what it started.
  await import('../apps/local/dist/main.js')
})
