// What the local stack is told by its environment: read once, validated, frozen.
import { resolve } from 'node:path'

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
    demo: args.includes('--demo'),
    secure: args.includes('--secure'),
  })
}
