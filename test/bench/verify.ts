// How fast a log is proved, alone and with the read model that was made from it, and in how much memory: in a process of
// its own, as the command runs it.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Report } from './measure.js'

interface Verified {
  readonly events: number
  /** Of one core. */
  readonly ms: number
  readonly peak_mib: number
  readonly agrees: boolean
}

/** What that process does: verifies a data directory, and says what it took. */
const PROGRAM = `
import { verify } from '@assistant-ledger/audit'
import { openLogForReading } from '@assistant-ledger/event-log'
const [dataDir, readModel] = process.argv.slice(1)
const log = await openLogForReading({ dataDir })
const from = process.cpuUsage()
const report = await verify({
  log,
  trusted: [],
  ...(readModel ? { readModel: { file: readModel } } : {}),
  workDir: dataDir,
  signal: new AbortController().signal,
})
const { user, system } = process.cpuUsage(from)
const ms = (user + system) / 1000
await log.close()
const agrees = report.differences.every(({ part }) => part === 'checkpoints')
const peak_mib = process.resourceUsage().maxRSS / 1024
console.log(JSON.stringify({ events: report.parts[0].checked, ms, peak_mib, agrees }))
`

/** @param readModel the file that was projected from the log of this data directory; absent: the log alone */
export async function benchVerify(report: Report, dataDir: string, readModel?: string): Promise<void> {
  const arguments_ = ['--input-type=module', '--eval', PROGRAM, dataDir, ...(readModel ? [readModel] : [])]
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, { cwd: join(process.cwd()) })
  const { events, ms, peak_mib, agrees }: Verified = JSON.parse(stdout)
  if (!agrees) throw new Error(`what was generated does not agree: ${stdout}`)
  const per_second = (events * 1000) / ms
  const what = readModel ? 'log and read model' : 'log'
  report.keep(`verify_${readModel ? 'all' : 'log'}`, { events, per_second, peak_mib })
  report.row({
    section: 'verify',
    name: `${what}, ${events} events, a second of one core`,
    figure: `${Math.round(per_second)} events/s`,
    raw: `${Math.round(peak_mib)} MiB at most`,
    ...(readModel
      ? { aim: '<= 256 MiB', met: peak_mib <= 256 }
      : { aim: '>= 12000/s, <= 256 MiB', met: per_second >= 12_000 && peak_mib <= 256 }),
  })
}
