// The alert rules, evaluated: by a reader of the few forms that ops/alerts.yml keeps to, and by Prometheus's own promtool
// where there is one (PROMTOOL_BIN, or on the PATH). Both get the same: what a real service showed when it was well, and
// what it showed then.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sample, Scrape } from './scrape.js'

export const RULES_FILE = join(process.cwd(), 'ops', 'alerts.yml')

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string | undefined
}

export function readRules(): readonly Rule[] {
  return readFileSync(RULES_FILE, 'utf8')
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => {
      const field = (name: string) => new RegExp(`^ {8}${name}: (.*)$`, 'm').exec(text)?.[1]
      const expr = field('expr')
      if (expr === undefined) throw new Error(`a rule has no expr of one line: ${text}`)
      return { alert: text.split('\n', 1)[0] as string, expr, for: field('for') }
    })
}

/** What was seen first, when all was well, and what is seen since. */
export interface Seen {
  readonly well: Scrape
  readonly now: Scrape
}

/** The alerts whose expression holds now: those that fire once it has held for their time. */
export function holding(seen: Seen): string[] {
  return readRules()
    .filter(({ expr }) => holds(expr, seen))
    .map(({ alert }) => alert)
}

type Series = Pick<Sample, 'labels' | 'value'>

function holds(expr: string, seen: Seen): boolean {
  const [, vector, operator, limit] = /^(.*) (==|>|<) ([0-9.]+)$/.exec(expr) ?? []
  if (vector === undefined) throw new Error(`${expr} compares with no number`)
  const compared = { '==': isEqual, '>': isMore, '<': isLess }[operator as '==' | '>' | '<']
  return vectorOf(vector, seen).some(({ value }) => compared(value, Number(limit)))
}

const isEqual = (one: number, other: number) => one === other
const isMore = (one: number, other: number) => one > other
const isLess = (one: number, other: number) => one < other

function vectorOf(text: string, seen: Seen): readonly Series[] {
  const [, by, names = '', inner] = /^(min|max|sum) by \(([^)]*)\) \((.*)\)$/.exec(text) ?? []
  if (inner !== undefined)
    return grouped(by as keyof typeof AGGREGATES, names.split(', '), vectorOf(inner, seen))
  const increase = /^increase\((.*)\[\d+m\]\)$/.exec(text)?.[1]
  if (increase === undefined) return selected(text, seen.now)
  const before = selected(increase, seen.well)
  // A series that was not there before has no increase yet, in Prometheus either.
  return selected(increase, seen.now).flatMap(({ labels, value }) => {
    const was = before.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))
    return was ? [{ labels, value: value - was.value }] : []
  })
}

const AGGREGATES = {
  min: (values: readonly number[]) => Math.min(...values),
  max: (values: readonly number[]) => Math.max(...values),
  sum: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0),
}

function grouped(by: keyof typeof AGGREGATES, names: readonly string[], series: readonly Series[]): Series[] {
  const groups = new Map<string, number[]>()
  for (const { labels, value } of series) {
    const key = JSON.stringify(names.map((name) => [name, labels[name] ?? '']))
    groups.set(key, [...(groups.get(key) ?? []), value])
  }
  return [...groups].map(([key, values]) => ({
    labels: Object.fromEntries(JSON.parse(key)) as Record<string, string>,
    value: AGGREGATES[by](values),
  }))
}

function selected(text: string, from: Scrape): Scrape {
  const [, name, matchers = ''] = /^([a-z_]+)(?:\{(.*)\})?$/.exec(text) ?? []
  if (name === undefined) throw new Error(`${text} is no series of one name`)
  const wanted = [...matchers.matchAll(/([a-z_]+)(=~?)"([^"]*)"/g)].map(
    ([, label = '', how, value = '']) =>
      ({ labels }: Sample) =>
        how === '=' ? labels[label] === value : new RegExp(`^(?:${value})$`).test(labels[label] ?? ''),
  )
  return from.filter((sample) => sample.name === name && wanted.every((fits) => fits(sample)))
}

export const promtool = (): string | undefined =>
  [process.env.PROMTOOL_BIN, 'promtool'].find(
    (program) => program && spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
  )

const EVERY_S = 15
const WELL_SAMPLES = 8
const NOW_SAMPLES = 12

/** Which of these alerts Prometheus fires at the end of two minutes well and three of what is seen now. */
export function firing(program: string, seen: Seen, alerts: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'assistant-ledger-rules-'))
  try {
    return alerts.filter((alert) => fires(program, join(folder, `${alert}.json`), alert, seen))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** JSON is YAML too. */
function fires(program: string, file: string, alert: string, seen: Seen): boolean {
  const minutes = ((WELL_SAMPLES + NOW_SAMPLES - 1) * EVERY_S) / 60
  const test = {
    rule_files: [RULES_FILE],
    evaluation_interval: `${EVERY_S}s`,
    tests: [
      {
        interval: `${EVERY_S}s`,
        input_series: inputSeries(seen),
        promql_expr_test: [
          {
            expr: `count(ALERTS{alertname="${alert}", alertstate="firing"}) > bool 0`,
            eval_time: `${minutes * 60}s`,
            exp_samples: [{ labels: '{}', value: 1 }],
          },
        ],
      },
    ],
  }
  writeFileSync(file, JSON.stringify(test))
  const { status, stdout, stderr } = spawnSync(program, ['test', 'rules', file], { encoding: 'utf8' })
  if (status === 0) return true
  // The only thing that may be wrong is that there is no such alert.
  if (!/got:\s*nil/.test(`${stdout}${stderr}`)) throw new Error(`${stdout}\n${stderr}`)
  return false
}

function inputSeries({ well, now }: Seen) {
  const nameOf = ({ name, labels }: Sample) =>
    `${name}{${Object.entries(labels)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .sort()
      .join(', ')}}`
  const before = new Map(well.map((sample) => [nameOf(sample), sample.value]))
  const after = new Map(now.map((sample) => [nameOf(sample), sample.value]))
  // A series that a scrape does not have any more is stale at once.
  const part = (value: number | undefined, samples: number) =>
    value === undefined || Number.isNaN(value) ? `stale _x${samples - 1}` : `${value}+0x${samples - 1}`
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((series) => /^(up|ledger_)/.test(series) && !series.includes('_bucket{'))
    .map((series) => ({
      series,
      values: `${part(before.get(series), WELL_SAMPLES)} ${part(after.get(series), NOW_SAMPLES)}`,
    }))
}
