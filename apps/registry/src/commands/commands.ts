// The commands, whichever way they came in: each verb's request becomes a command of the domain.
import { randomUUID } from 'node:crypto'
import { type ContentPatch, idFromKey, type JsonObject, LIVE } from '@assistant-ledger/assistant'
import type { Filter } from '../auth/authorizer.js'
import { type BusReply, type LaterReply, RefusalError } from '../bus/contract.js'
import { invalid } from '../envelope.js'
import { idOf } from '../fields.js'
import type { Receipts } from '../fleet/receipts.js'
import type { Sender } from '../headers.js'
import type { Project } from '../project.js'
import type { CommandService, Received } from './execute.js'
import { readGuard } from './guard.js'
import type {
  CreateRequest,
  DeleteRequest,
  PromoteRequest,
  RollbackRequest,
  UpdateRequest,
} from './requests.js'

/** What comes with a request beside its fields. */
export interface Sent {
  readonly sender: Sender
  /** The body as it was received, as far as it is the command: what a retry is compared by. */
  readonly received: JsonObject
  /** What the sender may see; undefined: everything. */
  readonly visible?: Filter
}

export class Commands {
  constructor(
    private readonly commands: CommandService,
    private readonly receipts: Receipts,
    private readonly project: Project,
  ) {}

  /** The id that a create makes an assistant under: the one it gives, else one from its key, else a random one. */
  idFor({ assistant_id }: Pick<CreateRequest, 'assistant_id'>, { actor, key }: Sender): string {
    if (assistant_id !== undefined) return idOf(assistant_id)
    return key === undefined ? randomUUID() : idFromKey(this.project.name, actor.id, key)
  }

  /** @param assistantId as `idFor` gave it */
  async create(request: CreateRequest, assistantId: string, sent: Sent): Promise<BusReply> {
    const { assistant_id, if_exists, graph_id, ...given } = request
    const givenId = assistant_id === undefined ? undefined : assistantId
    const command = {
      type: 'create',
      assistant_id: assistantId,
      content: { ...patchOf(given), graph_id },
      if_exists,
    } as const
    return this.execute('create', assistantId, givenId, command, sent)
  }

  async update(request: UpdateRequest, sent: Sent): Promise<BusReply | LaterReply> {
    const { assistant_id, promote, promote_to, wait, wait_ms, ...given } = request
    mustWaitFor(wait, wait_ms)
    if (promote === false && wait !== undefined)
      throw invalid('promote: false moves no environment, so there is nothing to wait for', 'wait')
    if (promote === false && promote_to !== undefined)
      throw invalid('promote: false and promote_to contradict each other', 'promote_to')
    const target = promote === false ? {} : { promote_to: promote_to ?? LIVE }
    const command = { type: 'change', patch: patchOf(given), ...target } as const
    const changed = this.send('update', assistant_id, command, sent).catch(environmentCalled('promote_to'))
    return this.receipts.after(changed, {
      assistantId: idOf(assistant_id),
      environment: promote_to ?? LIVE,
      wait,
      wait_ms,
    })
  }

  async promote(request: PromoteRequest, sent: Sent): Promise<BusReply | LaterReply> {
    const { assistant_id, version, from, environment, replaces, guard, wait, wait_ms } = request
    mustWaitFor(wait, wait_ms)
    if ((version === undefined) === (from === undefined))
      throw invalid('Give either version or from', 'version')
    const command = {
      type: 'promote',
      environment,
      version: version ?? { from: from as string },
      ...(replaces === undefined ? {} : { replaces }),
      ...(guard === undefined ? {} : { guard: readGuard(guard) }),
    } as const
    const promoted = this.send('promote', assistant_id, command, sent).catch(
      environmentCalled(this.project.environments.has(environment) ? 'from' : 'environment'),
    )
    return this.receipts.after(promoted, { assistantId: idOf(assistant_id), environment, wait, wait_ms })
  }

  async rollback(request: RollbackRequest, sent: Sent): Promise<BusReply | LaterReply> {
    const { assistant_id, environment, replaces, wait, wait_ms } = request
    mustWaitFor(wait, wait_ms)
    const command = {
      type: 'rollback',
      environment,
      ...(replaces === undefined ? {} : { replaces }),
    } as const
    const rolledBack = this.send('rollback', assistant_id, command, sent)
    return this.receipts.after(rolledBack, { assistantId: idOf(assistant_id), environment, wait, wait_ms })
  }

  async delete({ assistant_id, delete_threads }: DeleteRequest, sent: Sent): Promise<BusReply> {
    const command = { type: 'delete', ...(delete_threads ? { delete_threads } : {}) } as const
    return this.send('delete', assistant_id, command, sent)
  }

  private send(verb: string, id: string, command: Received['command'], sent: Sent): Promise<BusReply> {
    const assistantId = idOf(id)
    return this.execute(verb, assistantId, assistantId, command, sent)
  }

  private execute(
    verb: string,
    assistantId: string,
    givenId: string | undefined,
    command: Received['command'],
    { sender, received, visible }: Sent,
  ): Promise<BusReply> {
    const seen = visible === undefined ? {} : { visible }
    return this.commands.execute({ verb, assistantId, givenId, request: received, command, ...seen }, sender)
  }
}

function mustWaitFor(wait: 'converged' | undefined, wait_ms: number | undefined): void {
  if (wait === undefined && wait_ms !== undefined)
    throw invalid('wait_ms goes with wait: converged', 'wait_ms')
}

/** The domain knows environments only; a refusal of one names the field that it came in. */
const environmentCalled =
  (field: string) =>
  (error: unknown): never => {
    if (error instanceof RefusalError && error.refusal.code === 'unknown-environment')
      throw new RefusalError({ ...error.refusal, field })
    throw error
  }

/** The content fields that are there; a class's absent ones are undefined properties. */
export function patchOf(
  given: { [Field in keyof ContentPatch]: ContentPatch[Field] | undefined },
): ContentPatch {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
