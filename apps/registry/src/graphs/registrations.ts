// A descriptor on its way into its graph's stream: once for each hash, whoever sends it, however often and at whatever
// moment. What is on record is found in the read model and, from its newest on, in the stream.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  commandHashOf,
  type EventMetadata,
  type GraphDescriptor,
  graphStream,
  type Head,
  type JsonObject,
  readDescriptor,
  readGraphEvent,
  refuse,
  type SealedEvent,
  sealGraphEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, LogConflict } from '@assistant-ledger/event-log'
import { type DescriptorRow, type ReadModel, ReadModelUnavailable } from '@assistant-ledger/read-model'
import { type Context, SpanKind } from '@opentelemetry/api'
import { BusReply, RefusalError } from '../bus/contract.js'
import { appendSurely } from '../commands/append.js'
import { Turns } from '../commands/turns.js'
import type { Sender } from '../headers.js'
import { LIMITS } from '../limits.js'
import { correlate } from '../observability/correlation.js'
import { timedWait } from '../observability/timed.js'
import { carryOn, contextOf, inSpan, traceIdOf } from '../observability/tracing.js'
import type { Project } from '../project.js'
import { unreadable } from '../streams.js'
import { deployed } from './deployed.js'
import { GRAPH_LIMITS } from './limits.js'
import type { RegisterRequest } from './requests.js'

const VERB = 'graphs.register'

/** What is appended unless it is there. */
interface Registration {
  readonly graphId: string
  readonly runner: string
  readonly build?: string
  readonly descriptor: GraphDescriptor
  readonly hash: string
}

/** Where a descriptor stands in the log. */
interface Place {
  readonly revision: bigint
  readonly position: bigint
}

type Settled = Place & { readonly recorded: boolean }

export class Registrations {
  private readonly turns = new Turns(GRAPH_LIMITS.waitingPerGraph, LIMITS.turn_ms, 'graph')

  constructor(
    private readonly log: EventLog,
    private readonly model: Pick<ReadModel, 'available' | 'descriptors' | 'reached'>,
    private readonly project: Project,
  ) {}

  /**
   * Records a descriptor unless its hash is on record, and answers when it is durable and, waiting a bounded time, the
   * read model shows it.
   * @param received the body as it came
   * @throws RefusalError
   */
  async register(request: RegisterRequest, sender: Sender, received: JsonObject): Promise<BusReply> {
    const { build } = request
    // As in an assistant's content, whose graph it is.
    const graphId = withoutNul(request.graph_id)
    deployed(this.project, graphId)
    const read = readDescriptor(request.descriptor, 'descriptor')
    if (!read.ok) throw new RefusalError(read.refusal)
    const registration = {
      graphId,
      runner: withoutNul(request.runner),
      ...(build === undefined ? {} : { build: withoutNul(build) }),
      ...read.value,
    }
    const commandId = randomUUID()
    const attributes = { 'ledger.verb': VERB, 'ledger.graph': graphId, 'ledger.command_id': commandId }
    const from = contextOf(sender.traceparent)
    return inSpan(`command ${VERB}`, from, { kind: SpanKind.SERVER, attributes }, async (context) => {
      const correlationId = sender.correlationId ?? traceIdOf(context) ?? commandId
      const identity = {
        commandId,
        commandHash: commandHashOf({ verb: VERB, assistant_id: undefined, request: received }),
        correlationId,
      }
      try {
        const settled = await this.turns.take(graphId, () =>
          this.settle(registration, sender, identity, context),
        )
        return correlate(await this.reply(registration, settled), correlationId)
      } catch (error) {
        throw correlate(error, correlationId)
      }
    })
  }

  private async settle(
    registration: Registration,
    { actor, reason }: Sender,
    identity: Identity,
    context: Context,
  ): Promise<Settled> {
    const { graphId, hash, descriptor, runner, build } = registration
    const stream = graphStream(this.project.name, graphId)
    for (let attempt = 1; attempt <= LIMITS.decisions; attempt++) {
      const { head, found } = await this.look(stream, registration)
      if (found) return { ...found, recorded: false }
      const said = {
        graph_id: graphId,
        hash,
        descriptor,
        runner,
        ...(build === undefined ? {} : { build }),
        salt: randomBytes(16).toString('base64url'),
      }
      const event: SealedEvent = sealGraphEvent({ type: 'GraphRegistered', data: said }, head, {
        ...identity,
        stream,
        actor,
        ...(reason === undefined ? {} : { reason }),
        now: timestamp(Date.now()),
      })
      try {
        const appended = await appendSurely(this.log, stream, head?.revision ?? 'no_stream', [event])
        carryOn(appended.position, context)
        return { ...appended, recorded: true }
      } catch (error) {
        if (!(error instanceof LogConflict)) throw error
      }
    }
    throw new RefusalError(
      refuse(
        'conflict',
        `Others kept registering descriptors of the graph; given up after ${LIMITS.decisions} attempts`,
      ),
    )
  }

  /** The stream's newest event, and where the hash is on record. Only what the read model does not have is read. */
  private async look(
    stream: string,
    { graphId, hash }: Registration,
  ): Promise<{ readonly head: Head; readonly found: Place | undefined }> {
    const projected = await this.projected(graphId, hash)
    if (projected.found) return { head: undefined, found: projected.found }
    let head: Head
    let found: Place | undefined
    for await (const stored of this.log.readStream(stream, { from: projected.newest?.revision ?? 0n })) {
      const event = readGraphEvent(stored)
      if (!event) throw unreadable(stored)
      const { revision, position } = stored
      if (event.data.hash === hash) found ??= { revision, position }
      const { hash: eventHash, at } = stored.metadata as EventMetadata
      head = { revision, hash: eventHash, at }
    }
    return { head, found }
  }

  /** Nothing when the read model cannot say: then the stream is read whole. */
  private async projected(
    graphId: string,
    hash: string,
  ): Promise<{ readonly found?: DescriptorRow | undefined; readonly newest?: DescriptorRow | undefined }> {
    const { available, descriptors } = this.model
    // Asked all the same it would keep the runner waiting until it is given up.
    if (!available) return {}
    try {
      // In this order: what is projected between the two is then found, or read from the stream.
      const newest = await descriptors.newest(graphId)
      return { newest, found: await descriptors.registered(graphId, hash) }
    } catch (error) {
      if (error instanceof ReadModelUnavailable) return {}
      throw error
    }
  }

  private async reply(
    { graphId, hash }: Registration,
    { revision, position, recorded }: Settled,
  ): Promise<BusReply> {
    const shown = await timedWait(this.model.reached(position, LIMITS.readModelWait_ms))
    return new BusReply(
      { graph_id: graphId, hash, recorded },
      {
        'Ledger-Revision': String(revision),
        'Ledger-Position': String(position),
        ...(shown ? {} : { 'Ledger-Pending': 'read-model' }),
      },
    )
  }
}

const withoutNul = (text: string): string => text.replaceAll('\u0000', '\ufffd')

interface Identity {
  readonly commandId: string
  readonly commandHash: string
  readonly correlationId: string
}
