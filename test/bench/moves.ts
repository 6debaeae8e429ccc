// Export and replay of the embedded log by the built command, in a second of one core, and the memory that they take.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Report } from './measure.js'
import { cpuSeconds } from './processes.js'

/** Bytes of resident memory that a process may take, however long the log. */
const MOST_MIB = 256

/** @param events in the log of this data directory */
export async function benchMoves(report: Report, dataDir: string, events: number): Promise<void> {
  const file = join(dataDir, 'export.ndjson')
  const exported = await timed(['export', file, '--data-dir', dataDir])
  const { size } = await stat(file)
  keep(report, 'export', `${events} events, ${Math.round(size / 2 ** 20)} MiB`, events, exported)
  await rm(file)
  const replayed = await timed(['replay', '--to', 'read-model', '--offline', '--data-dir', dataDir])
  keep(report, 'replay', `${events} events`, events, replayed)
}

function keep(
  report: Report,
  section: string,
  name: string,
  events: number,
  { seconds, cpu, mib }: Taken,
): void {
  const per_second = events / cpu
  report.keep(section, { events, per_second, seconds, cpu, mib })
  report.row({
    section,
    name: `${name}, a second of one core`,
    figure: `${Math.round(per_second)} events/s`,
    aim: '>= 20000/s',
    met: per_second >= 20_000,
  })
  report.row({
    section,
    name: 'memory at most',
    figure: `${mib} MiB`,
    aim: `<= ${MOST_MIB} MiB`,
    met: mib <= MOST_MIB,
  })
}

export interface Taken {
  readonly seconds: number
  /** Seconds of a core, to a tenth. */
  readonly cpu: number
  readonly mib: number
}

/** Runs the built command, and looks at what it takes while it runs. */
export async function timed(args: readonly string[]): Promise<Taken> {
  const program = join('apps', 'cli', 'dist', 'main.js')
  const from = performance.now()
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let [mib, cpu] = [0, 0]
  const look = setInterval(async () => {
    mib = Math.max(mib, highWaterMark(child.pid as number))
    cpu = Math.max(cpu, (await cpuSeconds(child.pid as number)) || 0)
  }, 50)
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  clearInterval(look)
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${said}`)
  return { seconds: (performance.now() - from) / 1000, cpu, mib }
}

/** Where the system says so; 0 elsewhere, and when the process is gone already. */
function highWaterMark(pid: number): number {
  try {
    const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kib ?? 0) / 1024)
  } catch {
    return 0
  }
}
