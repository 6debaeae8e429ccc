// Somebody who asks: each call is authenticated, authorized and then given to the services with what may be seen, as the
// routes do it.
import { randomUUID } from 'node:crypto'
import type { Command, JsonObject } from '@assistant-ledger/assistant'
import type { Action, Authorizer } from '../../apps/registry/src/auth/authorizer.js'
import { seesOf } from '../../apps/registry/src/auth/sees.js'
import { BusReply } from '../../apps/registry/src/bus/contract.js'
import { Changes } from '../../apps/registry/src/changes/changes.js'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { Project } from '../../apps/registry/src/project.js'
import { ImpactService } from '../../apps/registry/src/queries/impact.js'
import { Streams } from '../../apps/registry/src/streams.js'
import { type Parts, PROJECT, REPLY_BYTES } from '../registry/parts.js'

const PAGE = { limit: 1000, offset: 0, sort_by: 'created_at', sort_order: 'desc' } as const

export interface Content extends JsonObject {
  readonly graph_id: string
}

export class Asker {
  private readonly commands: CommandService

  constructor(
    private readonly parts: Parts,
    private readonly authorizer: Authorizer,
    private readonly headers: Readonly<Record<string, string>>,
    graphs?: ReadonlySet<string>,
  ) {
    const { log, model } = parts
    const streams = new Streams(log, model, PROJECT, () => {})
    const project = new Project(PROJECT, new Set(['live', 'staging']), graphs)
    this.commands = new CommandService(log, model, streams, project)
  }

  async get(assistant_id: string, environment = 'live') {
    const { filter } = await this.may('read', { assistant_id })
    return this.parts.queries.get({ assistant_id, environment }, filter)
  }

  async search(asked: { readonly metadata?: JsonObject; readonly name?: string } = {}) {
    const { filter, value } = await this.may('search', { ...asked, limit: 1000, offset: 0 })
    const { metadata } = value as { metadata?: JsonObject }
    const narrowed = { ...asked, ...(metadata ? { metadata } : {}) }
    return this.parts.queries.search({ ...PAGE, ...narrowed }, REPLY_BYTES, filter)
  }

  async count() {
    const { filter } = await this.may('search', { limit: 0, offset: 0 })
    return this.parts.queries.count({}, filter)
  }

  async versions(assistant_id: string) {
    const { filter } = await this.may('read', { assistant_id })
    return this.parts.queries.versions({ assistant_id, limit: 1000, offset: 0 }, REPLY_BYTES, filter)
  }

  async version(assistant_id: string, version: number, generation?: number) {
    const { filter } = await this.may('read', { assistant_id })
    const asked = { assistant_id, version, ...(generation === undefined ? {} : { generation }) }
    return this.parts.queries.version(asked, filter)
  }

  /** The assistant as of a position. */
  async at(assistant_id: string, at: string, environment = 'live') {
    const { filter } = await this.may('read', { assistant_id })
    return this.parts.past.get({ assistant_id, environment, at }, seesOf(filter))
  }

  async diff(assistant_id: string, from: string, to = 'live') {
    const { filter } = await this.may('read', { assistant_id })
    return this.parts.past.diff({ assistant_id, from, to, environment: 'live' }, seesOf(filter))
  }

  async blame(assistant_id: string, of = 'live') {
    const { filter } = await this.may('read', { assistant_id })
    return this.parts.past.blame({ assistant_id, of, environment: 'live' }, seesOf(filter))
  }

  /** @param of a version, or what an update would change */
  async impact(assistant_id: string, of: number | { readonly name: string }, environment = 'live') {
    const { filter, actor } = await this.may('read', { assistant_id })
    const { past } = this.parts
    const impact = new ImpactService(past, this.commands, { fleet: async () => new BusReply([]) })
    const wanted = typeof of === 'number' ? { version: of } : of
    return impact.impact({ assistant_id, environment, ...wanted }, actor, filter)
  }

  /** Of one assistant, or of all. */
  async history(assistant_id?: string) {
    const may =
      assistant_id === undefined
        ? await this.may('search', { limit: 1000, offset: 0 })
        : await this.may('read', { assistant_id })
    const of = assistant_id === undefined ? {} : { assistant_id }
    const { metadata } = may.value as { metadata?: JsonObject }
    const sees = seesOf(may.filter, assistant_id === undefined ? metadata : undefined)
    return this.parts.past.history({ ...of, limit: 1000 }, sees)
  }

  /** The changes after a position, up to and with what happened by now; each as its kind and the assistant. */
  async changes(after: bigint): Promise<[string, string][]> {
    const { filter, value } = await this.may('search', { limit: 0, offset: 0 })
    const { metadata } = value as { metadata?: JsonObject }
    const reading = new AbortController()
    const head = await this.parts.log.head()
    const watching = { filter: {}, sees: seesOf(filter, metadata), after }
    const told: [string, string][] = []
    const changes = new Changes(this.parts.past.past, { heartbeat_ms: 1 })
    for await (const { position, notice } of await changes.watch(watching, reading.signal)) {
      if (notice?.type === 'change') told.push([notice.entry.type, notice.entry.assistant_id])
      else if (notice) told.push(['gone', notice.assistantId])
      if (position >= head) break
    }
    return told
  }

  async create(
    content: Content,
    { id = randomUUID(), if_exists = 'raise', key }: { id?: string; if_exists?: string; key?: string } = {},
  ) {
    const { value, ...may } = await this.may('create', { ...content, assistant_id: id, if_exists })
    const { metadata } = value as { metadata?: JsonObject }
    const command = {
      type: 'create',
      assistant_id: id,
      content: { ...content, ...(metadata ? { metadata } : {}) },
      if_exists: if_exists as 'raise',
    } as const
    return this.execute(id, command, may, key)
  }

  async update(id: string, patch: JsonObject, { promote_to = 'live', key = '', ifRevision = -2n } = {}) {
    const { value, ...may } = await this.may('update', { ...patch, assistant_id: id, promote_to })
    const { metadata } = value as { metadata?: JsonObject }
    const command = {
      type: 'change',
      patch: { ...patch, ...(metadata ? { metadata } : {}) },
      promote_to,
    } as const
    return this.execute(id, command, may, key || undefined, ifRevision)
  }

  async promote(id: string, version: number | { from: string }, environment = 'live') {
    const may = await this.may('update', { assistant_id: id, environment })
    return this.execute(id, { type: 'promote', version, environment }, may)
  }

  async rollback(id: string, environment = 'live') {
    const may = await this.may('update', { assistant_id: id, environment })
    return this.execute(id, { type: 'rollback', environment }, may)
  }

  async delete(id: string) {
    return this.execute(id, { type: 'delete' }, await this.may('delete', { assistant_id: id }))
  }

  private async may(action: Action, value: JsonObject) {
    const request = new Request('http://localhost/assistants', { headers: this.headers })
    const identity = await this.authorizer.authenticate(request)
    return { ...(await this.authorizer.authorize(identity, action, value)), actor: identity.actor }
  }

  private execute(
    id: string,
    command: Command,
    { filter, actor }: Pick<Awaited<ReturnType<Asker['may']>>, 'filter' | 'actor'>,
    key?: string,
    ifRevision = -2n,
  ): Promise<BusReply> {
    const { type: verb } = command
    const visible = filter === undefined ? {} : { visible: filter }
    const request = JSON.parse(JSON.stringify(command)) as JsonObject
    return this.commands.execute(
      { verb, assistantId: id, givenId: id, request, command, ...visible },
      { actor, ...(key === undefined ? {} : { key }), ...(ifRevision < -1n ? {} : { ifRevision }) },
    )
  }
}

/** How a call was refused: the code of the domain, or the number of HTTP. */
export async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return 'none'
  } catch (error) {
    const { refusal, status } = error as { refusal?: { code: string; detail: string }; status?: number }
    if (refusal) return refusal.code
    if (status !== undefined) return status
    throw error
  }
}
