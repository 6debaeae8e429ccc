// Assistants with a past: random commands, decided as the service decides them and appended to a real log, with what a
// plain model keeps of them.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assistantStream,
  type Command,
  type Content,
  decide,
  EMPTY,
  fleetStream,
  fold,
  type JsonObject,
  type Recorded,
  type RunnerReport,
  type State,
  sealFleetEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import fc from 'fast-check'

export const PROJECT = 'default'
const SECOND_MS = 1_000

export interface TestLog {
  readonly log: EventLog
  close(): Promise<void>
}

export async function openLog(): Promise<TestLog> {
  const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-history-'))
  const log = await openEmbeddedLog({ file: join(directory, 'log.db') })
  return {
    log,
    async close() {
      await log.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** What was recorded, and the whole state after it. */
export interface Happened {
  readonly position: bigint
  readonly recorded: Recorded
  readonly state: State
}

export interface Sent {
  readonly actor?: string
  readonly reason?: string
}

/** One assistant, and everything that happened to it. */
export class Assistant {
  readonly id: string = randomUUID()
  readonly happened: Happened[] = []
  private static seconds = 0
  private reported = -1n

  constructor(private readonly log: EventLog) {}

  get stream(): string {
    return assistantStream(PROJECT, this.id)
  }

  get state(): State {
    return this.happened.at(-1)?.state ?? EMPTY
  }

  create(content: JsonObject = {}, sent?: Sent) {
    const whole = { graph_id: 'writer', ...content }
    return this.send({ type: 'create', assistant_id: this.id, content: whole, if_exists: 'raise' }, sent)
  }

  update(patch: JsonObject, sent?: Sent, promote_to: string | null = 'live') {
    return this.send({ type: 'change', patch, ...(promote_to === null ? {} : { promote_to }) }, sent)
  }

  promote(version: number, environment = 'live', sent?: Sent) {
    return this.send({ type: 'promote', version, environment }, sent)
  }

  /** Decides and appends; what is refused leaves everything as it is. */
  async send(command: Command, { actor = 'tester', reason }: Sent = {}): Promise<void> {
    Assistant.seconds += 1
    const decision = decide(this.state, command, {
      stream: this.stream,
      commandId: randomUUID(),
      commandHash: 'h',
      keyed: false,
      actor: { id: actor, verified: true, via: 'http' },
      ...(reason === undefined ? {} : { reason }),
      now: timestamp(1_700_000_000_000 + Assistant.seconds * SECOND_MS),
      salts: [randomUUID(), randomUUID()],
      environments: new Set(['live', 'staging']),
    })
    if (decision.type !== 'events') return
    const { revision, position } = await this.log.append(
      this.stream,
      this.state.head?.revision ?? 'no_stream',
      decision.events,
    )
    decision.events.forEach(({ type, data, metadata }, index) => {
      const back = BigInt(decision.events.length - 1 - index)
      const recorded = { revision: revision - back, event: { type, data }, metadata } as Recorded
      this.happened.push({ position: position - back, recorded, state: fold(this.state, [recorded]) })
    })
  }

  async report(report: Partial<RunnerReport>): Promise<void> {
    const stream = fleetStream(PROJECT, this.id)
    Assistant.seconds += 1
    const at = timestamp(1_700_000_000_000 + Assistant.seconds * SECOND_MS)
    const whole: RunnerReport = {
      runner: 'writer-eu',
      instance: 'i',
      environment: 'live',
      revision: 0,
      status: 'active',
      at,
      ...report,
    }
    const event = sealFleetEvent(
      { type: 'RunnersReported', data: { reports: [whole], salt: randomUUID() } },
      undefined,
      {
        stream,
        now: at,
        commandId: randomUUID(),
        commandHash: 'h',
      },
    )
    const appended = await this.log.append(stream, this.reported < 0n ? 'no_stream' : this.reported, [event])
    this.reported = appended.revision
  }
}

/** What may happen to an assistant, as data. */
export type Step =
  | { readonly do: 'create' | 'update'; readonly content: JsonObject; readonly to: string | null }
  | { readonly do: 'promote'; readonly version: number; readonly to: string }
  | { readonly do: 'rollback'; readonly to: string }
  | { readonly do: 'delete' }

const environment = fc.constantFrom('live', 'staging')
const few = fc.constantFrom('a', 'b', 'c')
const content = fc.record(
  {
    name: few,
    context: fc.dictionary(
      fc.constantFrom('model', 'prompt', '~/'),
      fc.oneof(few, fc.array(few, { maxLength: 2 })),
      {
        maxKeys: 3,
      },
    ),
    metadata: fc.dictionary(fc.constantFrom('owner', 'team'), few, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('create' as const), content, to: fc.constant(null) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      content,
      to: fc.option(environment),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('promote' as const),
      version: fc.integer({ min: 1, max: 5 }),
      to: environment,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rollback' as const), to: environment }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const) }) },
)

export async function live(assistant: Assistant, steps: readonly Step[]): Promise<void> {
  for (const [n, one] of steps.entries()) {
    const sent = { actor: n % 2 === 0 ? 'ann' : 'bob', reason: `step ${n}` }
    if (one.do === 'create') await assistant.create(one.content, sent)
    else if (one.do === 'update') await assistant.update(one.content, sent, one.to)
    else if (one.do === 'promote') await assistant.promote(one.version, one.to, sent)
    else if (one.do === 'rollback') await assistant.send({ type: 'rollback', environment: one.to }, sent)
    else await assistant.send({ type: 'delete' }, sent)
  }
}

/** What a test knows to be there. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}

/** A content by the state, as the fold has it. */
export const contentIn = ({ life }: State, environment = 'live'): Content | undefined => {
  const pointer = life?.environments.get(environment)
  return pointer && life?.contents.get(pointer.version)
}
