// Durable commands a second over the bus, with the whole flow behind them, and what a command costs as an
// assistant grows old and the installation grows large.
import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { ms, paired, pump, type Report, show } from './measure.js'
import { rawAppends, rawRequests } from './raw.js'
import { ask } from './request.js'
import { sampleContent, sampleId } from './samples.js'

const COUNTS = new Map([
  [1, 500],
  [8, 4000],
  [64, 12_000],
])

export async function benchCommands(
  report: Report,
  url: string,
  directory: string,
  connection: NatsConnection,
) {
  let made = 1_000_000
  const create = () => {
    const number = made++
    return ask(connection, 'create', { ...sampleContent(number, 1), assistant_id: sampleId(number) })
  }
  const body = { ...sampleContent(0, 1), assistant_id: randomUUID() }
  const reply = await ask(connection, 'create', body)
  await pump(1000, 64, create)
  for (const [inFlight, count] of COUNTS) {
    const appends = await rawAppends(directory, count, inFlight, 2600)
    const { ours, raw, ratio } = await paired(
      () => pump(count / 2, inFlight, create),
      () => rawRequests(url, count / 2, inFlight, body, reply),
    )
    report.keep(`create_${inFlight}`, { ours, raw, appends })
    report.row({
      section: 'commands',
      name: `create, ${inFlight} in flight, beside raw request/reply`,
      figure: show(ours),
      raw: show(raw),
      ratio,
      ...(inFlight === 64 && {
        aim: '>= 3000/s and >= 0.15 x',
        met: ours.per_second >= 3000 && ratio >= 0.15,
      }),
    })
    report.row({
      section: 'commands',
      name: `create, ${inFlight} in flight, beside raw fsynced appends`,
      figure: show(ours),
      raw: show(appends),
      ratio: ours.per_second / appends.per_second,
    })
  }
}

/** Updates of an assistant with many versions beside one with few: alternately, so that both see the same machine. */
export async function benchAge(
  report: Report,
  connection: NatsConnection,
  young: string,
  old: string,
  when: string,
) {
  const update = (id: string) => (index: number) =>
    ask(connection, 'update', {
      assistant_id: id,
      ...sampleContent(0, index),
      metadata: { round: index },
    })
  const figures = { young: [] as number[], old: [] as number[] }
  for (let round = 0; round < 200; round++)
    for (const [which, id] of [
      ['young', young],
      ['old', old],
    ] as const) {
      const from = performance.now()
      await update(id)(round)
      figures[which].push(performance.now() - from)
    }
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
  const ratio = median(figures.old) / median(figures.young)
  report.keep(`age_${when}`, { young_p50_ms: median(figures.young), old_p50_ms: median(figures.old) })
  report.row({
    section: 'commands',
    name: `update at 10,000 versions beside 10, ${when}`,
    figure: `${ms(median(figures.old))} ms`,
    raw: `${ms(median(figures.young))} ms`,
    ratio,
    aim: '<= 1.5 x',
    met: ratio <= 1.5,
  })
}
