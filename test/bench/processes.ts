// What a process takes, as Linux alone tells it; NaN elsewhere.
import { readFile } from 'node:fs/promises'

const TICKS_A_SECOND = 100

/** Seconds of a core that it has had. */
export async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND
}

export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024
}
