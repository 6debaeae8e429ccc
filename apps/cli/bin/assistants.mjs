#!/usr/bin/env node
// What the name `assistants` starts. It stands outside of dist/, so that npm can link it before anything is built.
import { existsSync } from 'node:fs'
import module from 'node:module'

const program = new URL('../dist/main.js', import.meta.url)
if (existsSync(program)) {
  // Node 22 keeps what it compiled; Node 20 has nothing of the kind.
  module.enableCompileCache?.()
  await import(program)
} else {
  const isInstalled = existsSync(new URL('../../../node_modules', import.meta.url))
  const missing = isInstalled
    ? 'not built yet; run: npm run build'
    : 'not installed yet; run: npm ci && npm run build'
  console.error(`assistants: ${missing}`)
  process.exitCode = 1
}
