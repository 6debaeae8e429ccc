// The stack of `npm start` that runs on this machine, by the note that it leaves in its DATA_DIR. Only what is on this machine
// is taken from there: what the caller has to show goes to it.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Located } from './settings.js'

/** As apps/local writes it. */
interface Note {
  readonly httpUrl?: string
  readonly natsUrl?: string
  readonly pids?: readonly number[]
}

export interface Running extends Located {
  readonly dataDir: string
}

const FILE = 'local.json'
const HERE: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** In DATA_DIR, else where `npm start` has it: `data` of the repository that this command belongs to. */
export function runningStack(environment: NodeJS.ProcessEnv): Running | undefined {
  const usual = fileURLToPath(new URL('../../../data', import.meta.url))
  const dataDir = environment.DATA_DIR || usual
  const url = here(noteIn(dataDir)?.httpUrl)
  if (url === undefined) return undefined
  const file = join(dataDir, FILE)
  const below = relative(process.cwd(), file)
  return { url, from: `${below.startsWith('..') ? file : below} (npm start)`, dataDir }
}

/** The NATS of the stack that runs on that data. */
export const runningNats = (dataDir: string): string | undefined => here(noteIn(dataDir)?.natsUrl)

/** Undefined when nothing runs there. */
function noteIn(dataDir: string): Note | undefined {
  try {
    const note: Note = JSON.parse(readFileSync(join(dataDir, FILE), 'utf8'))
    return note.pids?.some(isAlive) ? note : undefined
  } catch {
    return undefined
  }
}

const here = (url: string | undefined): string | undefined =>
  url !== undefined && URL.canParse(url) && HERE.has(new URL(url).hostname) ? url : undefined

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Somebody else's process is one all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
