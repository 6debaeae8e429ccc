// The stack of `npm start` that runs on this machine, by the note that it leaves in its DATA_DIR. Only what is on this machine
// is taken from there: what the caller has to show goes to it.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Located } from './settings.js'

/** As apps/local writes it. */
interface Note {
  readonly httpUrl?: string
  readonly pids?: readonly number[]
}

const HERE: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** In DATA_DIR, else where `npm start` has it: `data` of the repository that this command belongs to. */
export function runningStack(environment: NodeJS.ProcessEnv): Located | undefined {
  const usual = fileURLToPath(new URL('../../../data', import.meta.url))
  const file = join(environment.DATA_DIR || usual, 'local.json')
  try {
    const { httpUrl = '', pids = [] }: Note = JSON.parse(readFileSync(file, 'utf8'))
    if (!HERE.has(new URL(httpUrl).hostname) || !pids.some(isAlive)) return undefined
    const below = relative(process.cwd(), file)
    return { url: httpUrl, from: `${below.startsWith('..') ? file : below} (npm start)` }
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Somebody else's process is one all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
