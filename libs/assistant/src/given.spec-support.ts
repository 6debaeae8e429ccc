// Given / when / then for the specs: a stream in memory, and commands sent to it one after the other.

import type { Command, CommandContext } from './command.js'
import { type Decision, decide } from './decide.js'
import type { AssistantEvent, Recorded } from './events.js'
import { commandHashOf, commandIdOf } from './ids.js'
import { assistantStream } from './names.js'
import type { RefusalCode } from './refusal.js'
import type { SealedEvent } from './seal.js'
import { EMPTY, fold, type State } from './state.js'
import { timestamp } from './time.js'

export const ID = '0195b1f6-2f6a-7c7c-9d6e-111111111111'
export const STREAM = assistantStream('default', ID)
export const CREATE: Command = {
  type: 'create',
  assistant_id: ID,
  content: { graph_id: 'writer' },
  if_exists: 'raise',
}

/** One assistant's stream: `send` decides and records, and says what was decided. */
export class Stream {
  readonly events: Recorded[] = []
  readonly sealed: SealedEvent<AssistantEvent>[] = []
  state: State = EMPTY
  private sent = 0

  send(command: Command, more: Partial<CommandContext> & { key?: string } = {}): Decision {
    const { key, ...given } = more
    this.sent += 1
    const commandId = key === undefined ? `unkeyed-${this.sent}` : commandIdOf('tester', ID, key)
    const context: CommandContext = {
      stream: STREAM,
      commandId,
      commandHash: commandHashOf({
        verb: command.type,
        assistant_id: ID,
        request: asSent(command),
      }),
      keyed: key !== undefined,
      actor: { id: 'tester', verified: false, via: 'nats' },
      now: timestamp(1_700_000_000_000 + this.sent * 1000),
      salts: [`salt-a-${this.sent}`, `salt-b-${this.sent}`],
      environments: new Set(['live', 'staging']),
      ...given,
    }
    const decision = decide(this.state, command, context)
    if (decision.type === 'events') {
      const start = this.events.length
      const recorded = decision.events.map(
        ({ type, data, metadata }, i) =>
          ({ revision: BigInt(start + i), event: { type, data }, metadata }) as Recorded,
      )
      this.events.push(...recorded)
      this.sealed.push(...decision.events)
      this.state = fold(this.state, recorded)
    }
    return decision
  }

  live(environment = 'live'): number | undefined {
    return this.state.life?.environments.get(environment)?.version
  }
}

export const refusalOf = (decision: Decision): RefusalCode | undefined =>
  decision.type === 'refused' ? decision.refusal.code : undefined

const asSent = (command: Command): unknown =>
  JSON.parse(JSON.stringify(command, (_key, value) => (typeof value === 'bigint' ? String(value) : value)))
