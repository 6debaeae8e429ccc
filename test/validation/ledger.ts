// Commands over a real log and read model in this process, checked against descriptors that a test registers. Which of
// them are live is what the test says; each set of rules is a service of its own on the same log.
import { randomUUID } from 'node:crypto'
import {
  type Command,
  canonical,
  type GraphDescriptor,
  graphStream,
  type JsonObject,
  sealGraphEvent,
  sha256,
  timestamp,
} from '@assistant-ledger/assistant'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { GraphDescriptors } from '../../apps/registry/src/graphs/descriptors.js'
import type { Sender } from '../../apps/registry/src/headers.js'
import { Project } from '../../apps/registry/src/project.js'
import type { ValidationSettings } from '../../apps/registry/src/settings.js'
import { Streams } from '../../apps/registry/src/streams.js'
import { ContentChecks } from '../../apps/registry/src/validation/content-checks.js'
import { SchemaChecker } from '../../apps/registry/src/validation/schema-checker.js'
import { openParts, type Parts, PROJECT } from '../registry/parts.js'

const SENDER: Sender = { actor: { id: 'tester', verified: false, via: 'nats' } }
const ENVIRONMENTS = new Set(['live', 'staging', 'canary'])
const DEADLINE_MS = 10_000

/** A descriptor with these schemas. */
export const descriptorOf = (
  schemas: Partial<GraphDescriptor['schemas']>,
  unknown: readonly string[] = [],
): GraphDescriptor => ({
  schemas: {
    input_schema: null,
    output_schema: null,
    state_schema: null,
    config_schema: null,
    context_schema: null,
    ...schemas,
  },
  graph: null,
  xray: [],
  subgraphs: {},
  unknown,
})

export interface Rules {
  readonly mode: ValidationSettings['mode']
  readonly protects?: readonly string[]
}

/** An answer as a client gets it. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
export type Body = any

export interface Under {
  create(content: JsonObject, more?: Partial<Sender>): Promise<Body>
  update(id: string, patch: JsonObject, into?: string, more?: Partial<Sender>): Promise<Body>
  promote(id: string, version: number | { from: string }, environment?: string, more?: object): Promise<Body>
  rollback(id: string, environment?: string): Promise<Body>
  delete(id: string): Promise<Body>
}

export interface TestLedger {
  readonly parts: Parts
  /** What the service would write as warnings. */
  readonly said: string[]
  /** Records a descriptor of the graph. @returns its hash */
  register(graph: string, descriptor: GraphDescriptor): Promise<string>
  /** Runners of an environment that name these hashes, and no others. */
  runs(environment: string, ...hashes: string[]): void
  under(rules: Rules, inForce?: GraphDescriptors['inForce']): Under
  /** The data of all events of an assistant. */
  recorded(id: string): Promise<Body[]>
  close(): Promise<void>
}

export async function openTestLedger(): Promise<TestLedger> {
  const parts = await openParts()
  parts.project()
  const { log, model } = parts
  const said: string[] = []
  const checker = new SchemaChecker((line) => said.push(line))
  const live = new Map<string, ReadonlySet<string>>()
  const descriptors = new GraphDescriptors(model.descriptors, {
    descriptorsOf: (_graph, environment) =>
      environment === undefined
        ? new Set([...live.values()].flatMap((hashes) => [...hashes]))
        : (live.get(environment) ?? new Set()),
  })
  const streams = new Streams(log, model, PROJECT, () => {})
  const heads = new Map<string, { revision: bigint; hash: string; at: string }>()
  return {
    parts,
    said,
    async register(graph, descriptor) {
      const hash = sha256(canonical(descriptor))
      const stream = graphStream(PROJECT, graph)
      const head = heads.get(stream)
      const event = {
        type: 'GraphRegistered',
        data: { graph_id: graph, hash, descriptor, runner: 'r', salt: 's' },
      } as const
      const from = { stream, commandId: randomUUID(), commandHash: 'c', actor: SENDER.actor }
      const sealed = sealGraphEvent(event, head, { ...from, now: timestamp(Date.now()) })
      const { position, revision } = await log.append(stream, head?.revision ?? 'no_stream', [sealed])
      heads.set(stream, { revision, hash: sealed.metadata.hash, at: sealed.metadata.at })
      if (!(await model.reached(position, DEADLINE_MS))) throw new Error('not projected in time')
      return hash
    },
    runs: (environment, ...hashes) => void live.set(environment, new Set(hashes)),
    under({ mode, protects = [] }, inForce = (...of) => descriptors.inForce(...of)) {
      const settings = { mode, protectedEnvironments: new Set(protects) }
      const checks = new ContentChecks(settings, { inForce }, streams, checker)
      const project = new Project(PROJECT, ENVIRONMENTS, undefined)
      return commandsOf(new CommandService(log, model, streams, project, Date.now, checks))
    },
    async recorded(id) {
      const found: Body[] = []
      for await (const { event } of streams.events(id, 0n)) found.push(event.data)
      return found
    },
    async close() {
      await checker.close()
      await parts.close()
    },
  }
}

function commandsOf(service: CommandService): Under {
  const execute = async (id: string, command: Command, more: Partial<Sender> = {}) => {
    const request = JSON.parse(JSON.stringify(command)) as JsonObject
    const received = { verb: command.type, assistantId: id, givenId: id, request, command }
    return (await service.execute(received, { ...SENDER, ...more })).body
  }
  return {
    create(content, more) {
      const id = (content.assistant_id as string | undefined) ?? randomUUID()
      const { assistant_id: _, ...rest } = content
      const whole = { graph_id: 'writer', ...rest }
      return execute(id, { type: 'create', assistant_id: id, content: whole, if_exists: 'raise' }, more)
    },
    update: (id, patch, into, more) =>
      execute(id, { type: 'change', patch, ...(into === undefined ? {} : { promote_to: into }) }, more),
    promote: (id, version, environment = 'live', more = {}) =>
      execute(id, { type: 'promote', version, environment, ...more }),
    rollback: (id, environment = 'live') => execute(id, { type: 'rollback', environment }),
    delete: (id) => execute(id, { type: 'delete' }),
  }
}
