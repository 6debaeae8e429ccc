// What Prometheus would see: the text of /metrics, read into samples.
import { createServer } from 'node:net'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Scrape = readonly Sample[]

export const JOB = 'assistant-ledger'

/** Scrapes as Prometheus does: a target that does not answer has `up` 0 and nothing else. */
export async function scrape(url: string): Promise<Scrape> {
  const labels = { job: JOB, instance: new URL(url).host }
  const up = (value: number): Sample => ({ name: 'up', labels, value })
  let text: string
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })
    if (answer.status !== 200) return [up(0)]
    text = await answer.text()
  } catch {
    return [up(0)]
  }
  return [
    up(1),
    ...readMetrics(text).map((sample) => ({ ...sample, labels: { ...sample.labels, ...labels } })),
  ]
}

/** Reads Prometheus's text format; a line that is none throws. */
export function readMetrics(text: string): Scrape {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) throw new Error(`this is no sample: ${line}`)
      const read = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text])
      return { name, labels: Object.fromEntries(read) as Record<string, string>, value: Number(value) }
    })
}

/** The value of the one sample of that name whose labels are these, among others; undefined: there is none. */
export function valueIn(
  of: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = of.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} names ${found.length} series`)
  return found[0]?.value
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
