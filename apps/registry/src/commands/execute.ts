// A command on its way: load the state, decide, append at the state's revision, answer. What a race makes of it is
// decided again on the fresh state, a bounded number of times.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  type Command,
  type CommandContext,
  commandHashOf,
  commandIdOf,
  type Decision,
  decide,
  fold,
  type JsonObject,
  type Noted,
  type Outcome,
  type Recorded,
  refuse,
  type SchemaCheck,
  type SealedEvent,
  type State,
  timestamp,
  type Violation,
} from '@assistant-ledger/assistant'
import { type EventLog, LogConflict } from '@assistant-ledger/event-log'
import type { ReadModel } from '@assistant-ledger/read-model'
import { type Context, SpanKind } from '@opentelemetry/api'
import type { Filter } from '../auth/authorizer.js'
import { BusReply, RefusalError } from '../bus/contract.js'
import type { Sender } from '../headers.js'
import { LIMITS } from '../limits.js'
import { correlate } from '../observability/correlation.js'
import { timedWait } from '../observability/timed.js'
import { carryOn, contextOf, inSpan, traceIdOf } from '../observability/tracing.js'
import type { Project } from '../project.js'
import type { Streams } from '../streams.js'
import type { ContentChecks } from '../validation/content-checks.js'
import { shownBy } from './answer.js'
import { appendSurely } from './append.js'
import { Turns } from './turns.js'
import { checkVisible } from './visible.js'

/** A command as it was received, and what it asks of the domain. */
export interface Received {
  readonly verb: string
  /** The assistant it goes to, lower-cased. */
  readonly assistantId: string
  /** The id as the sender gave it; undefined for a create that leaves it to us. */
  readonly givenId: string | undefined
  /** The body as received, without its assistant id: what a retry is compared by. */
  readonly request: JsonObject
  readonly command: Command
  /** What the sender may see: of anything else there is nothing to be changed. Undefined: everything. */
  readonly visible?: Filter
}

/** What came out of deciding a command on the state there is. */
interface Decided {
  readonly state: State
  readonly check: SchemaCheck | undefined
  readonly decision: Decision
}

/** What would become of a command. */
export interface Foreseen {
  readonly decision: Decision
  /** What of the content the schemas in force do not allow, whatever that means for the command. */
  readonly violations: readonly Violation[]
}

/** How a command ended, durably. */
interface Ended {
  readonly state: State
  readonly outcome: Outcome
  readonly revision: bigint
  readonly position: bigint | undefined
  /** What its last event notes of the content. */
  readonly violations: readonly Violation[] | undefined
}

export class CommandService {
  private readonly turns = new Turns(LIMITS.waitingPerAssistant, LIMITS.turn_ms)

  constructor(
    private readonly log: EventLog,
    private readonly model: ReadModel,
    private readonly streams: Streams,
    private readonly project: Project,
    private readonly clock: () => number = Date.now,
    /** Absent: contents are not checked against the schemas of their graphs. */
    private readonly checks?: Pick<ContentChecks, 'of'>,
  ) {}

  /**
   * Carries a command out and answers when it is durable and, waiting a bounded time, the read model shows it.
   * @throws RefusalError
   */
  async execute(received: Received, sender: Sender): Promise<BusReply> {
    const { verb, assistantId } = received
    const identity = identityOf(received, sender)
    const attributes = {
      'ledger.verb': verb,
      'ledger.assistant_id': assistantId,
      'ledger.command_id': identity.commandId,
    }
    const from = contextOf(sender.traceparent)
    return inSpan(`command ${verb}`, from, { kind: SpanKind.SERVER, attributes }, async (context) => {
      const correlationId = sender.correlationId ?? traceIdOf(context)
      const correlated = correlationId === undefined ? sender : { ...sender, correlationId }
      try {
        const reply = await this.carryOut(received, correlated, identity, context)
        return correlate(reply, correlationId ?? identity.commandId)
      } catch (error) {
        throw correlate(error, correlationId ?? identity.commandId)
      }
    })
  }

  /** What would be decided now, by the very same steps; nothing is appended. @throws RefusalError of what may not be seen */
  async foresee(received: Received, sender: Sender): Promise<Foreseen> {
    const command = await this.captured(received.assistantId, received.command)
    const { decision, check } = await this.decided(
      { ...received, command },
      sender,
      identityOf(received, sender),
    )
    return { decision, violations: check?.violations ?? [] }
  }

  private async carryOut(
    received: Received,
    sender: Sender,
    identity: Identity,
    context: Context,
  ): Promise<BusReply> {
    const { assistantId } = received
    const command = await this.captured(assistantId, received.command)
    const ended = await this.turns.take(assistantId, () =>
      inSpan('decide and append', context, {}, (within) =>
        this.settle({ ...received, command }, sender, identity, within),
      ),
    )
    return inSpan('wait for the read model', context, {}, () => this.reply(assistantId, ended))
  }

  /**
   * What is relative to the pointer names the pointer as it is when the command arrives, before it waits its turn:
   * somebody else's promotion in between is then found out as `moved`.
   */
  private async captured(assistantId: string, command: Command): Promise<Command> {
    const relative =
      command.type === 'rollback' || (command.type === 'promote' && typeof command.version === 'object')
    if (!relative || command.seen !== undefined) return command
    const { life } = await this.streams.load(assistantId)
    return { ...command, seen: life?.environments.get(command.environment)?.revision ?? -1n }
  }

  /** Everything that comes before something is appended. */
  private async decided(
    { assistantId, command, visible }: Received,
    sender: Sender,
    identity: Identity,
  ): Promise<Decided> {
    const state = await this.streams.loadFor(assistantId, command, identity.commandId)
    // A retry has its first answer, which its sender had already: what is on record, whatever the schemas say by now.
    const repeated = state.commands.has(identity.commandId)
    if (visible && !repeated) await checkVisible(this.streams, assistantId, state, command, visible)
    const check = repeated ? undefined : await this.checks?.of(assistantId, state, command)
    const context = this.contextOf(this.streams.nameOf(assistantId), sender, identity, check)
    return { state, check, decision: decide(state, command, context) }
  }

  private async settle(
    received: Received,
    sender: Sender,
    identity: Identity,
    context: Context,
  ): Promise<Ended> {
    const { assistantId } = received
    const stream = this.streams.nameOf(assistantId)
    for (let attempt = 1; attempt <= LIMITS.decisions; attempt++) {
      const { state, decision } = await this.decided(received, sender, identity)
      switch (decision.type) {
        case 'refused':
          throw new RefusalError(decision.refusal)
        case 'repeated':
          return this.asRecorded(assistantId, state, decision.record, true)
        case 'unchanged':
          return this.asRecorded(
            assistantId,
            state,
            { outcome: decision.outcome, revision: state.head?.revision ?? 0n },
            false,
          )
        case 'events':
          try {
            const expected = state.head?.revision ?? 'no_stream'
            const appended = await inSpan('append', context, {}, () =>
              appendSurely(this.log, stream, expected, decision.events),
            )
            carryOn(appended.position, context)
            return {
              ...appended,
              state: after(state, decision.events),
              outcome: decision.outcome,
              violations: violationsIn(decision.events.at(-1)?.data),
            }
          } catch (error) {
            if (!(error instanceof LogConflict)) throw error
            break
          }
        default:
          decision satisfies never
      }
    }
    throw new RefusalError(
      refuse('conflict', `Others kept changing the assistant; given up after ${LIMITS.decisions} attempts`),
    )
  }

  /** @param own whether the event at that revision is the command's own, so that what it notes belongs to the answer */
  private async asRecorded(
    assistantId: string,
    state: State,
    { outcome, revision }: { readonly outcome: Outcome; readonly revision: bigint },
    own: boolean,
  ): Promise<Ended> {
    const found = await this.streams.recordedAt(assistantId, revision)
    const violations = own ? violationsIn(found?.recorded.event.data) : undefined
    return { state, outcome, revision, position: found?.position, violations }
  }

  private async reply(assistantId: string, ended: Ended): Promise<BusReply> {
    const { state, outcome, revision, position, violations } = ended
    const shown =
      position === undefined || (await timedWait(this.model.reached(position, LIMITS.readModelWait_ms)))
    const headers = {
      'Ledger-Revision': String(revision),
      ...(position === undefined ? {} : { 'Ledger-Position': String(position) }),
      ...(shown ? {} : { 'Ledger-Pending': 'read-model' }),
    }
    if (outcome.type === 'deleted') return new BusReply(null, headers)
    const assistant = await shownBy(this.streams, this.model, assistantId, state, outcome)
    return new BusReply(violations ? { ...assistant, violations: violations as never } : assistant, headers)
  }

  private contextOf(
    stream: string,
    sender: Sender,
    identity: Identity,
    check: SchemaCheck | undefined,
  ): CommandContext {
    const { actor, reason, correlationId, ifRevision, allowSecrets } = sender
    const { graphs, environments } = this.project
    return {
      ...identity,
      stream,
      actor,
      ...(reason === undefined ? {} : { reason }),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(ifRevision === undefined ? {} : { ifRevision }),
      ...(allowSecrets ? { allowSecrets } : {}),
      now: timestamp(this.clock()),
      salts: [salt(), salt()],
      ...(graphs ? { graphs } : {}),
      environments,
      ...(check ? { check } : {}),
    }
  }
}

/** What makes two messages the same command; the same through all attempts of one. */
type Identity = Pick<CommandContext, 'commandId' | 'commandHash' | 'keyed'>

function identityOf({ verb, givenId, request }: Received, { actor, key }: Sender): Identity {
  return {
    commandId: key === undefined ? randomUUID() : commandIdOf(actor.id, givenId ?? 'new', key),
    commandHash: commandHashOf({ verb, assistant_id: givenId, request }),
    keyed: key !== undefined,
  }
}

const violationsIn = (data: object | undefined) => (data as Pick<Noted, 'violations'> | undefined)?.violations

/** Salts are cut from a block of random bytes: a call of the system for each would cost more than the bytes. */
const SALT_BYTES = 16
const SALTS_A_BLOCK = 256
let block = Buffer.alloc(0)

function salt(): string {
  if (block.length === 0) block = randomBytes(SALT_BYTES * SALTS_A_BLOCK)
  const text = block.toString('base64url', 0, SALT_BYTES)
  block = block.subarray(SALT_BYTES)
  return text
}

/** The state that the appended events lead to. */
function after(state: State, events: readonly SealedEvent[]): State {
  const first = state.head ? state.head.revision + 1n : 0n
  return fold(
    state,
    events.map(
      ({ type, data, metadata }, index) =>
        ({ revision: first + BigInt(index), event: { type, data }, metadata }) as Recorded,
    ),
  )
}
