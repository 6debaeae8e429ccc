// The note that a running stack leaves in DATA_DIR: where it listens and who may send commands, for the request
// script and the command line, and its processes, so that a second start on the same data says what is in the way instead of failing half way.
import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Instance {
  readonly natsUrl: string
  /** Where the service answers over HTTP. */
  readonly httpUrl?: string
  /** Absent where everybody may send commands. */
  readonly natsUser?: string
  readonly natsPassword?: string
  readonly project: string
  readonly pids: readonly number[]
}

const FILE = 'local.json'

export async function writeInstance(dataDir: string, instance: Instance): Promise<void> {
  // One that a killed start has left may have been readable by others: a file keeps the mode that it was made with.
  await removeInstance(dataDir)
  await writeFile(join(dataDir, FILE), `${JSON.stringify(instance, null, 2)}\n`, { mode: 0o600 })
}

export async function removeInstance(dataDir: string): Promise<void> {
  await rm(join(dataDir, FILE), { force: true })
}

/** The processes of an earlier start on this data that still run, by what they are, not by their id alone. */
export async function processesLeft(dataDir: string): Promise<readonly number[]> {
  let instance: Instance
  try {
    instance = JSON.parse(await readFile(join(dataDir, FILE), 'utf8'))
  } catch {
    return []
  }
  return instance.pids.filter((pid) =>
    /nats-server|apps\/\w+\/dist\/main\.js|start\.mjs/.test(commandOf(pid)),
  )
}

function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}
