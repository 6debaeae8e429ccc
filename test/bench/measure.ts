// Figures: how long each call took, at a fixed number in flight, and what that makes a second.

export interface Figure {
  readonly per_second: number
  readonly p50_ms: number
  readonly p95_ms: number
  readonly p99_ms: number
}

/** Runs `count` calls, `inFlight` at a time. A call that fails ends the benchmark: a figure over failures says nothing. */
export async function pump(
  count: number,
  inFlight: number,
  call: (index: number) => Promise<unknown>,
): Promise<Figure> {
  const took = new Float64Array(count)
  let next = 0
  const started = performance.now()
  const worker = async () => {
    while (next < count) {
      const index = next++
      const from = performance.now()
      await call(index)
      took[index] = performance.now() - from
    }
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker))
  return { per_second: (count * 1000) / (performance.now() - started), ...percentiles(took) }
}

/** The same for about as long as is said: what is slow by itself then takes no longer than what is not. */
export async function pumpFor(
  durationMs: number,
  inFlight: number,
  call: (index: number) => Promise<unknown>,
): Promise<Figure> {
  const took: number[] = []
  let next = 0
  const started = performance.now()
  const worker = async () => {
    while (performance.now() - started < durationMs) {
      const from = performance.now()
      await call(next++)
      took.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return { per_second: (took.length * 1000) / (performance.now() - started), ...percentiles(took) }
}

/** Rounds of a comparison. */
const ROUNDS = 3

export interface Pair<Raw extends Figure = Figure> {
  readonly ours: Figure
  readonly raw: Raw
  readonly ratio: number
  /** The smallest and the largest ratio of a round. */
  readonly spread: readonly [number, number]
}

/**
 * Two measurements in turn, each first in every other round, so that a machine whose speed drifts is the same for both;
 * of each the round with the median ratio.
 */
export async function paired<Raw extends Figure>(
  ours: () => Promise<Figure>,
  raw: () => Promise<Raw>,
  rounds = ROUNDS,
): Promise<Pair<Raw>> {
  const all: { ours: Figure; raw: Raw; ratio: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? await raw() : undefined
    const measured = await ours()
    const limit = first ?? (await raw())
    all.push({ ours: measured, raw: limit, ratio: measured.per_second / limit.per_second })
  }
  all.sort((a, b) => a.ratio - b.ratio)
  const median = all[Math.floor(rounds / 2)] as (typeof all)[number]
  return { ...median, spread: [all[0]?.ratio as number, all.at(-1)?.ratio as number] }
}

export function percentiles(took: Float64Array | readonly number[]): Omit<Figure, 'per_second'> {
  const sorted = Float64Array.from(took).sort()
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) }
}

/** One line of the report: a figure, what it is held against, and the ratio. */
export interface Row {
  readonly section: string
  readonly name: string
  readonly figure: string
  readonly raw?: string
  readonly ratio?: number
  readonly spread?: readonly [number, number]
  readonly aim?: string
  readonly met?: boolean
}

export class Report {
  readonly rows: Row[] = []
  readonly figures: Record<string, unknown> = {}

  keep(name: string, figure: unknown): void {
    this.figures[name] = figure
  }

  row(row: Row): void {
    this.rows.push(row)
    const { spread } = row
    const between = spread ? ` (${spread[0].toFixed(2)}-${spread[1].toFixed(2)})` : ''
    const ratio = row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} x${between}`
    const verdict =
      row.aim === undefined
        ? ''
        : `aim ${row.aim}${row.met === undefined ? '' : row.met ? ', met' : ', NOT met'}`
    console.log(
      `${row.section.padEnd(10)}${row.name.padEnd(54)}${row.figure.padEnd(34)}${(row.raw ?? '').padEnd(34)}${ratio.padEnd(20)}${verdict}`.trimEnd(),
    )
  }
}

export const show = ({ per_second, p50_ms, p95_ms, p99_ms }: Figure): string =>
  `${Math.round(per_second)}/s ${ms(p50_ms)}/${ms(p95_ms)}/${ms(p99_ms)} ms`

export const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 0)
