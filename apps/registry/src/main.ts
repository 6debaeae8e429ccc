// The process: settings, start, and a clean end on SIGTERM or Ctrl-C. Whatever cannot be gone on from ends it with
// one line, since a service that is half there answers wrong.
import 'reflect-metadata'
import { messageOf } from './auth/message.js'
import { LIMITS } from './limits.js'
import { fault, setLines } from './lines.js'
import { startTraces } from './observability/otlp.js'
import { Registry } from './roles/start.js'
import { readLineSettings, readSettings, type Settings } from './settings.js'

function tell(error: unknown): void {
  fault(error instanceof Error ? error.message.split('\n', 1)[0] || error.name : String(error))
}

function die(error: unknown): never {
  tell(error)
  process.exit(1)
}

/** A connection that breaks while it is closed throws where nobody can catch it; the stop goes on all the same. */
function failed(error: unknown): void {
  if (stopping) tell(error)
  else die(error)
}

/** Nobody was there to say what it is about, so where it comes from is said too: an auth module is somebody else's code. */
function unexpected(error: unknown): void {
  const where = error instanceof Error ? /^\s+at (.+)$/m.exec(error.stack ?? '')?.[1] : undefined
  failed(where === undefined ? error : new Error(`${messageOf(error).split('\n', 1)[0]} (at ${where})`))
}

let stopping = false
process.on('uncaughtException', unexpected)
process.on('unhandledRejection', unexpected)

let settings: Settings
try {
  const lines = readLineSettings(process.env)
  setLines(lines)
  settings = readSettings(process.env)
  setLines(lines, settings.project)
} catch (error) {
  die(error)
}

const traces = await startTraces(process.env).catch(die)
const registry = new Registry(settings, failed)

async function end(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => {
    fault(`not stopped within ${LIMITS.stop_ms} ms; what was acknowledged is in the log`)
    process.exit(1)
  }, LIMITS.stop_ms).unref()
  await registry.stop()
  await traces.stop()
  process.exit(0)
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end().catch(die))

registry.start().catch((error) => {
  if (!stopping) die(error)
})
