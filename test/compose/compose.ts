// The compose files as `docker compose` reads them: YAML with its anchors, variables put in, one file over the other.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export const BASE = 'docker-compose.yml'
export const CLUSTER = 'compose.cluster.yml'

export interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What it waits for, and in which condition. */
  readonly depends_on: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: Healthcheck
  /** As written, `source:target[:ro]`; one target is mounted once. */
  readonly volumes: readonly string[]
  readonly ports: readonly string[]
  readonly stop_grace_period?: string
  readonly [key: string]: unknown
}

export interface Healthcheck {
  readonly test: readonly string[]
  readonly interval: string
  readonly timeout: string
  readonly retries: number
  readonly start_period?: string
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

type Mapping = Readonly<Record<string, unknown>>

/**
 * Reads files, each over the one before.
 * @param variables what the environment or `.env` has
 * @throws Error for a variable that is missing, with what the file says about it
 */
export function readCompose(files: readonly string[], variables: Readonly<Record<string, string>>): Compose {
  const read = files.map((file) =>
    parse(withVariables(readFileSync(file, 'utf8'), variables), { merge: true }),
  )
  const merged = read.map(inLongForm).reduce((below, over) => mergedOver(below, over) as Mapping)
  return merged as unknown as Compose
}

/** The names of the variables that a file takes. */
export const variablesOf = (file: string): string[] => [
  ...new Set(
    [...withoutComments(readFileSync(file, 'utf8')).matchAll(VARIABLE)].map(([, name = '']) => name),
  ),
]

/** Milliseconds of a duration such as `5s`. */
export function milliseconds(duration: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m)$/.exec(duration) ?? []
  if (count === undefined) throw new Error(`${JSON.stringify(duration)} is no duration`)
  return Number(count) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm']
}

const VARIABLE = /\$\{(\w+)(?::\?([^}]*))?\}/g

const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')

function withVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return withoutComments(text).replaceAll(VARIABLE, (_, name: string, missing?: string) => {
    const value = variables[name]
    if (!value) throw new Error(`required variable ${name} ${missing ?? 'has no message'}`)
    return value
  })
}

/** Short forms written out, so that every file has the same ones. */
function inLongForm(file: Mapping): Mapping {
  const services = Object.entries((file.services ?? {}) as Record<string, Mapping>).map(([name, service]) => {
    const { depends_on = {}, environment = {}, volumes = [], ports = [], ...rest } = service
    const waits = Array.isArray(depends_on)
      ? Object.fromEntries(depends_on.map((other) => [other, { condition: 'service_started' }]))
      : depends_on
    return [name, { ...rest, environment, volumes, ports, depends_on: waits }]
  })
  return { ...file, services: Object.fromEntries(services) }
}

/** Mappings are merged, lists of mounts by what they are mounted at, ports joined, and everything else is replaced. */
function mergedOver(below: unknown, over: unknown, key = ''): unknown {
  if (key === 'volumes' && Array.isArray(below) && Array.isArray(over)) {
    const targets = new Set(over.map(targetOf))
    return [...below.filter((mount) => !targets.has(targetOf(mount))), ...over]
  }
  if (key === 'ports' && Array.isArray(below) && Array.isArray(over)) return [...below, ...over]
  if (!isMapping(below) || !isMapping(over)) return over
  const merged: Record<string, unknown> = { ...below }
  for (const [name, value] of Object.entries(over))
    merged[name] = name in merged ? mergedOver(merged[name], value, name) : value
  return merged
}

/** Where a mount is in the container. */
export const targetOf = (mount: string): string => mount.split(':')[1] as string

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
