// What is read: one assistant by id, and a search that 1 % match, with its total, at two sizes.
import type { NatsConnection } from '@nats-io/transport-node'
import { type Figure, paired, pump, type Report, show } from './measure.js'
import { rawRequests } from './raw.js'
import { ask } from './request.js'
import { sampleId, TEAMS } from './samples.js'

export interface QueryFigures {
  readonly get: Figure
  readonly search: Figure
  readonly update: Figure
}

export async function benchQueries(
  report: Report,
  url: string,
  connection: NatsConnection,
  assistants: number,
): Promise<QueryFigures> {
  const get = (index: number) =>
    ask(connection, 'get', { assistant_id: sampleId((index * 7919) % assistants) })
  const search = (index: number) => ask(connection, 'search', { metadata: { team: `team-${index % TEAMS}` } })
  const update = (index: number) =>
    ask(connection, 'update', {
      assistant_id: sampleId((index * 7919) % assistants),
      metadata: { round: index },
    })
  const reply = await get(0)
  await pump(2000, 64, get)
  const {
    ours: got,
    raw,
    ratio,
  } = await paired(
    () => pump(10_000, 64, get),
    () => rawRequests(url, 10_000, 64, { assistant_id: sampleId(0) }, reply),
  )
  await pump(200, 8, search)
  const searched = await pump(2000, 8, search)
  const updated = await pump(1000, 8, update)
  report.keep(`queries_${assistants}`, { get: got, raw, search: searched, update: updated })
  report.row({
    section: 'queries',
    name: `get at ${assistants}, 64 in flight`,
    figure: show(got),
    raw: show(raw),
    ratio,
    aim: '>= 0.60 x',
    met: ratio >= 0.6,
  })
  report.row({
    section: 'queries',
    name: `search 1 % with total at ${assistants}, 8 in flight`,
    figure: show(searched),
  })
  return { get: got, search: searched, update: updated }
}

export function compareSizes(report: Report, small: QueryFigures, large: QueryFigures): void {
  const rows = [
    ['search', 'search at 100,000 beside 1,000', 2],
    ['update', 'update at 100,000 assistants beside 1,000', 1.5],
  ] as const
  for (const [which, name, aim] of rows) {
    const ratio = small[which].per_second / large[which].per_second
    report.row({
      section: 'queries',
      name,
      figure: show(large[which]),
      raw: show(small[which]),
      ratio,
      aim: `<= ${aim} x`,
      met: ratio <= aim,
    })
  }
}
