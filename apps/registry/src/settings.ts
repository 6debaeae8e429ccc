// What the service is told by its environment: read once, validated, frozen. A bad value stops the start with one
// line that names the variable.
import { resolve } from 'node:path'
import { LIVE } from '@assistant-ledger/assistant'
import { BadOption, type NatsAddress, natsAddress } from '@assistant-ledger/client'
import { LIMITS } from './limits.js'
import { type LineSettings, LOG_FORMATS, LOG_LEVELS } from './lines.js'

export interface Settings {
  readonly host: string
  readonly port: number
  /** Whether the port was asked for: then it is that one or none. */
  readonly portAsked: boolean
  /** Where the bus is, and as whom to connect. */
  readonly nats: NatsAddress
  /** Absolute. */
  readonly dataDir: string
  /** A namespace: `[a-z0-9_]{1,32}`. */
  readonly project: string
  /** In the order they were declared; `live` is always among them. */
  readonly environments: readonly string[]
  /** Absolute. */
  readonly langgraphJson: string
  /** Whether the file was asked for: then it has to be there. */
  readonly langgraphJsonAsked: boolean
  /** Takes a log that is behind what NATS has seen, once, as the truth from here on. */
  readonly acceptLogBehind: boolean
}

/** A setting has a value that cannot be used; the message is one line for the person who set it. */
export class BadSetting extends Error {
  override readonly name = 'BadSetting'
}

/** @throws BadSetting */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  for (const name of ['EVENTSTORE_URL', 'DATABASE_URL'])
    if (env[name])
      throw new BadSetting(
        `${name} is set, but this build has only the embedded log and read models: unset it to use DATA_DIR`,
      )
  const port = portOf(env, 'PORT', 8123)
  const natsPort = portOf(env, 'NATS_PORT', 4222)
  const settings: Settings = {
    host: env.HOST || '127.0.0.1',
    port,
    portAsked: Boolean(env.PORT),
    nats: natsOf(env, `nats://127.0.0.1:${natsPort}`),
    dataDir: resolve(env.DATA_DIR || './data'),
    project: projectOf(env.PROJECT || 'default'),
    environments: Object.freeze(environmentsOf(env.ENVIRONMENTS || 'live,staging')),
    langgraphJson: resolve(env.LANGGRAPH_JSON || './langgraph.json'),
    langgraphJsonAsked: Boolean(env.LANGGRAPH_JSON),
    acceptLogBehind: yesOrNo(env, 'ACCEPT_LOG_BEHIND'),
  }
  return Object.freeze(settings)
}

/** How lines are written: read before everything else, since what is wrong with the rest is said in a line. @throws BadSetting */
export function readLineSettings(env: NodeJS.ProcessEnv): LineSettings {
  return {
    format: oneOf(env, 'LOG_FORMAT', LOG_FORMATS, 'text'),
    level: oneOf(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
  }
}

function oneOf<T extends string>(
  env: NodeJS.ProcessEnv,
  name: string,
  values: readonly T[],
  otherwise: T,
): T {
  const text = env[name] || otherwise
  const found = values.find((value) => value === text)
  if (found === undefined)
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be one of ${values.join(', ')}`)
  return found
}

function portOf(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name] || String(otherwise)
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be a port from 1 to 65535`)
  return port
}

function natsOf(env: NodeJS.ProcessEnv, otherwise: string): NatsAddress {
  try {
    return natsAddress(env, otherwise)
  } catch (error) {
    throw error instanceof BadOption ? new BadSetting(error.message) : error
  }
}

function projectOf(text: string): string {
  if (!/^[a-z0-9_]{1,32}$/.test(text))
    throw new BadSetting(`PROJECT is ${JSON.stringify(text)}, but has to match [a-z0-9_]{1,32}`)
  return text
}

function environmentsOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const all = [...new Set(names.includes(LIVE) ? names : [LIVE, ...names])]
  if (all.length > LIMITS.environments)
    throw new BadSetting(`ENVIRONMENTS names ${all.length} environments; at most ${LIMITS.environments}`)
  const bad = all.find((name) => !/^[\x21-\x7e]+$/.test(name) || name.length > LIMITS.environmentName)
  if (bad !== undefined)
    throw new BadSetting(
      `ENVIRONMENTS has the name ${JSON.stringify(bad)}, but a name has 1 to ${LIMITS.environmentName} printable characters`,
    )
  return all
}

function yesOrNo(env: NodeJS.ProcessEnv, name: string): boolean {
  const text = env[name] || 'no'
  if (text !== 'yes' && text !== 'no')
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be yes or no`)
  return text === 'yes'
}
