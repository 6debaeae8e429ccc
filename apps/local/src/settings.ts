// What the local stack is told by its environment and its arguments: read once, validated, frozen.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { RunnerUser } from './access.js'

export interface Settings {
  readonly natsPort: number
  /** Whether the port was asked for: then it is that one or none. */
  readonly natsPortAsked: boolean
  readonly dataDir: string
  readonly project: string
  readonly langgraphJson: string
  /** Show the scene also where it was shown before. */
  readonly demo: boolean
  /** Give each part a user of its own that may do what its role needs, and let nobody else in. */
  readonly secure: boolean
  /** Users for runners that are started beside the stack. */
  readonly runners: readonly RunnerUser[]
}

/** A setting has a value that cannot be used. */
export class BadSetting extends Error {}

const DEFAULT_NATS_PORT = 4222

/** @throws BadSetting naming the variable and the value */
export function readSettings(env: NodeJS.ProcessEnv, args: readonly string[]): Settings {
  const project = env.PROJECT || 'default'
  if (!/^[a-z0-9_]{1,32}$/.test(project)) {
    throw new BadSetting(`PROJECT is ${JSON.stringify(project)}, but has to match [a-z0-9_]{1,32}`)
  }
  const natsPort = Number(env.NATS_PORT || DEFAULT_NATS_PORT)
  if (!Number.isInteger(natsPort) || natsPort < 1 || natsPort > 65535) {
    throw new BadSetting(`NATS_PORT is ${JSON.stringify(env.NATS_PORT)}, but has to be 1 to 65535`)
  }
  return Object.freeze({
    natsPort,
    natsPortAsked: Boolean(env.NATS_PORT),
    dataDir: resolve(env.DATA_DIR || './data'),
    project,
    langgraphJson: resolve(env.LANGGRAPH_JSON || './langgraph.json'),
    ...optionsOf(args),
  })
}

function optionsOf(args: readonly string[]): Pick<Settings, 'demo' | 'secure' | 'runners'> {
  const { demo, secure, runner } = parsed(args)
  const runners = runner.map(runnerOf)
  if (runners.length > 0 && !secure)
    throw new BadSetting('--runner makes a user for a runner, which only a --secure stack has')
  const names = new Set(runners.map(({ name }) => name))
  if (names.size < runners.length) throw new BadSetting('--runner has the same name twice')
  return { demo, secure, runners }
}

function parsed(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const
  const options = {
    demo: flag,
    secure: flag,
    runner: { type: 'string', multiple: true, default: [] as string[] },
  } as const
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new BadSetting(`${(error as Error).message.split('. ')[0]}; known are ${OPTIONS}`)
  }
}

const OPTIONS = '--demo, --secure and --runner <name>@<environment>:<graph>,<graph>'

function runnerOf(text: string): RunnerUser {
  const [, name, environment, graphs] = /^([^@\s]+)@([^:\s]+):([^,\s]+(?:,[^,\s]+)*)$/.exec(text) ?? []
  if (name === undefined || environment === undefined || graphs === undefined)
    throw new BadSetting(
      `--runner is ${JSON.stringify(text)}, but has to be like <name>@<environment>:<graph>,<graph>`,
    )
  return { name, role: 'runner', environment, graphs: graphs.split(','), runs: true }
}
