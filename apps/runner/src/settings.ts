// What a runner is told by its environment: read once, validated, frozen. A bad value stops the start with
// one line that names it.
import { BadOption, type NatsAddress, natsAddress } from '@assistant-ledger/client'

export interface Settings {
  readonly nats: NatsAddress
  readonly project: string
  readonly environment: string
  /** The graphs to follow and run; every graph of langgraph.json when none is named. */
  readonly graphs: readonly string[] | undefined
  readonly runnerName: string
  /** Where the last known good configurations are kept; nothing is kept when absent. */
  readonly cacheDir: string | undefined
  /** The models that a configuration may name here; any when absent. */
  readonly allowedModels: readonly string[] | undefined
  readonly langgraphJson: string
}

/** A setting has a value that cannot be used. */
export class BadSetting extends Error {}

const PROJECT = /^[a-z0-9_]{1,32}$/

/** @throws BadSetting naming the variable and the value */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const project = env.PROJECT || 'default'
  if (!PROJECT.test(project)) {
    throw new BadSetting(`PROJECT is ${JSON.stringify(project)}, but has to match ${PROJECT.source}`)
  }
  return Object.freeze({
    nats: natsOf(env),
    project,
    environment: env.ENVIRONMENT || 'live',
    graphs: list(env.GRAPHS),
    runnerName: env.RUNNER_NAME || `runner-${process.pid}`,
    cacheDir: env.CACHE_DIR || undefined,
    allowedModels: list(env.ALLOWED_MODELS),
    langgraphJson: env.LANGGRAPH_JSON || './langgraph.json',
  })
}

function natsOf(env: NodeJS.ProcessEnv): NatsAddress {
  try {
    return natsAddress(env)
  } catch (error) {
    throw error instanceof BadOption ? new BadSetting(error.message) : error
  }
}

function list(value: string | undefined): readonly string[] | undefined {
  const names = (value ?? '').split(',').flatMap((name) => name.trim() || [])
  return names.length > 0 ? names : undefined
}
