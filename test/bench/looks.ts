// How long somebody waits who asks: the start of the built command, and the history of one assistant among many, of the
// service and with the command around it.
import { type Figure, ms, percentiles, type Report } from './measure.js'
import { timed } from './moves.js'
import { sampleId } from './samples.js'

const STARTS = 7
const ASKED = 200

export async function benchStart(report: Report): Promise<void> {
  const took = await times(STARTS, () => timed(['--version']))
  report.keep('command_start', took)
  const { p50_ms } = took
  report.row({
    section: 'looks',
    name: 'start of the command',
    figure: `${ms(p50_ms)} ms`,
    aim: '<= 300 ms',
    met: p50_ms <= 300,
  })
}

/** @param http where the service is @param others assistants that it has besides */
export async function benchLog(report: Report, http: string, others: number): Promise<void> {
  let asked = 0
  const ask = async () => {
    const id = sampleId((asked++ * 7919) % others)
    const answer = await fetch(`${http}/assistants/${id}/history`)
    if (!answer.ok) throw new Error(`the history was answered with ${answer.status}`)
    await answer.text()
  }
  await times(20, ask)
  const served = await times(ASKED, ask)
  const whole = await times(STARTS, () => timed(['log', sampleId(asked++), '--url', http, '--json']))
  report.keep('log_of_one', { others, served, whole })
  report.row({
    section: 'looks',
    name: `history of one beside ${others} others, one at a time`,
    figure: `${ms(served.p50_ms)}/${ms(served.p95_ms)}/${ms(served.p99_ms)} ms`,
    aim: '<= 100 ms',
    met: served.p99_ms <= 100,
  })
  report.row({
    section: 'looks',
    name: 'the same by the command, its start included',
    figure: `${ms(whole.p50_ms)} ms`,
  })
}

async function times(count: number, call: () => Promise<unknown>): Promise<Omit<Figure, 'per_second'>> {
  const took: number[] = []
  for (let index = 0; index < count; index++) {
    const from = performance.now()
    await call()
    took.push(performance.now() - from)
  }
  return percentiles(took)
}
