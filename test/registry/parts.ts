// The parts of a registry in this process, over a real log and a real read model: for what a test has to do to them
// one by one, such as leave the projection out or move the clock.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContentPatch, JsonObject } from '@assistant-ledger/assistant'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { Past } from '@assistant-ledger/history'
import { openReadModel, Projection, type ReadModel } from '@assistant-ledger/read-model'
import type { BusReply } from '../../apps/registry/src/bus/contract.js'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { Project } from '../../apps/registry/src/project.js'
import { QueryService } from '../../apps/registry/src/queries/answer.js'
import { PastService } from '../../apps/registry/src/queries/past.js'
import { Streams } from '../../apps/registry/src/streams.js'

export const PROJECT = 'default'
/** More than any answer of these tests. */
export const REPLY_BYTES = 1024 * 1024

const SENDER = { actor: { id: 'tester', verified: false, via: 'nats' } } as const

export interface Parts {
  readonly directory: string
  readonly log: EventLog
  readonly model: ReadModel
  readonly queries: QueryService
  readonly past: PastService
  /** Commands as another replica would carry them out, on the same log. */
  commands(clock?: () => number): Commands
  /** Projects until it is told to stop. */
  project(): { stop(): Promise<void> }
  close(): Promise<void>
}

export interface Commands {
  create(content?: ContentPatch): Promise<BusReply & { readonly id: string }>
  update(id: string, patch: ContentPatch): Promise<BusReply>
  rollback(id: string): Promise<BusReply>
}

/** @param given the read model, closed by `close()` as well; one in the directory when absent */
export async function openParts(given?: ReadModel): Promise<Parts> {
  const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-parts-'))
  const log = await openEmbeddedLog({ file: join(directory, 'log.db') })
  const model = given ?? (await openReadModel({ file: join(directory, 'read-model.db'), project: PROJECT }))
  const streams = new Streams(log, model, PROJECT, () => {})
  const project = new Project(PROJECT, new Set(['live', 'staging']), undefined)
  const projections: { stop(): Promise<void> }[] = []
  return {
    directory,
    log,
    model,
    queries: new QueryService(model, streams, project),
    past: new PastService(new Past(log, PROJECT), project),
    commands: (clock = Date.now) => commandsOf(new CommandService(log, model, streams, project, clock)),
    project() {
      const stopping = new AbortController()
      const running = new Projection(log, model, { project: PROJECT }).run(stopping.signal)
      const projection = {
        async stop() {
          stopping.abort()
          await running
        },
      }
      projections.push(projection)
      return projection
    },
    async close() {
      for (const projection of projections) await projection.stop()
      await model.close()
      await log.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function commandsOf(service: CommandService): Commands {
  const execute = (verb: string, id: string, request: JsonObject, command: object) =>
    service.execute(
      { verb, assistantId: id, givenId: id, request, command: command as { type: 'delete' } },
      SENDER,
    )
  return {
    async create(content = {}) {
      const id = randomUUID()
      const whole = { graph_id: 'writer', ...content }
      const command = { type: 'create', assistant_id: id, content: whole, if_exists: 'raise' }
      return Object.assign(await execute('create', id, whole, command), { id })
    },
    update: (id, patch) =>
      execute('update', id, patch as JsonObject, { type: 'change', patch, promote_to: 'live' }),
    rollback: (id) => execute('rollback', id, {}, { type: 'rollback', environment: 'live' }),
  }
}
