// What a process takes, as Linux alone tells it; NaN elsewhere.
import { readdir, readFile } from 'node:fs/promises'

const TICKS_A_SECOND = 100

/** Seconds of a core that it has had. */
export async function cpuSeconds(pid: number): Promise<number> {
  return (await statOf(pid)).seconds
}

/** Of a process and its children together, as long as none of them ends. */
export async function cpuSecondsWithChildren(pid: number): Promise<number> {
  const numbers = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger)
  const all = await Promise.all(numbers.map(async (number) => ({ number, ...(await statOf(number)) })))
  return all
    .filter(({ number, parent }) => number === pid || parent === pid)
    .reduce((sum, { seconds }) => sum + seconds, 0)
}

async function statOf(pid: number): Promise<{ parent: number; seconds: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name may have spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND }
}

export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024
}
