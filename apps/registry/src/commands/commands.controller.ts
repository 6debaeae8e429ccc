// The commands as they come in over the bus: each verb's request becomes a command of the domain.
import { randomUUID } from 'node:crypto'
import { type ContentPatch, idFromKey, LIVE } from '@assistant-ledger/assistant'
import { MessagePattern } from '@nestjs/microservices'
import { type BusReply, type BusRequest, type LaterReply, RefusalError } from '../bus/contract.js'
import { BusController } from '../bus/errors.js'
import { commandOf, invalid, readRequest } from '../envelope.js'
import { idOf } from '../fields.js'
import { Receipts } from '../fleet/receipts.js'
import { senderOf } from '../headers.js'
import { Project } from '../project.js'
import { CommandService, type Received } from './execute.js'
import { readGuard } from './guard.js'
import { CreateRequest, DeleteRequest, PromoteRequest, RollbackRequest, UpdateRequest } from './requests.js'

@BusController()
export class CommandsController {
  constructor(
    private readonly commands: CommandService,
    private readonly receipts: Receipts,
    private readonly project: Project,
  ) {}

  @MessagePattern('create')
  async create({ verb, body, headers }: BusRequest): Promise<BusReply> {
    const { assistant_id, if_exists, graph_id, ...given } = readRequest(CreateRequest, body)
    const sender = senderOf(headers)
    const givenId = assistant_id === undefined ? undefined : idOf(assistant_id)
    const assistantId =
      givenId ??
      (sender.key === undefined ? randomUUID() : idFromKey(this.project.name, sender.actor.id, sender.key))
    const command = {
      type: 'create',
      assistant_id: assistantId,
      content: { ...patchOf(given), graph_id },
      if_exists,
    } as const
    return this.commands.execute({ verb, assistantId, givenId, request: commandOf(body), command }, sender)
  }

  @MessagePattern('update')
  async update(request: BusRequest): Promise<BusReply | LaterReply> {
    const { assistant_id, promote, promote_to, wait, wait_ms, ...given } = readRequest(
      UpdateRequest,
      request.body,
    )
    mustWaitFor(wait, wait_ms)
    if (promote === false && wait !== undefined)
      throw invalid('promote: false moves no environment, so there is nothing to wait for', 'wait')
    if (promote === false && promote_to !== undefined)
      throw invalid('promote: false and promote_to contradict each other', 'promote_to')
    const target = promote === false ? {} : { promote_to: promote_to ?? LIVE }
    const command = { type: 'change', patch: patchOf(given), ...target } as const
    const changed = this.send(request, assistant_id, command).catch(environmentCalled('promote_to'))
    return this.receipts.after(changed, {
      assistantId: idOf(assistant_id),
      environment: promote_to ?? LIVE,
      wait,
      wait_ms,
    })
  }

  @MessagePattern('promote')
  async promote(request: BusRequest): Promise<BusReply | LaterReply> {
    const { assistant_id, version, from, environment, replaces, guard, wait, wait_ms } = readRequest(
      PromoteRequest,
      request.body,
      ['guard'],
    )
    mustWaitFor(wait, wait_ms)
    if ((version === undefined) === (from === undefined))
      throw invalid('Give either version or from', 'version')
    const promoted = this.send(request, assistant_id, {
      type: 'promote',
      environment,
      version: version ?? { from: from as string },
      ...(replaces === undefined ? {} : { replaces }),
      ...(guard === undefined ? {} : { guard: readGuard(guard) }),
    }).catch(environmentCalled(this.project.environments.has(environment) ? 'from' : 'environment'))
    return this.receipts.after(promoted, { assistantId: idOf(assistant_id), environment, wait, wait_ms })
  }

  @MessagePattern('rollback')
  async rollback(request: BusRequest): Promise<BusReply | LaterReply> {
    const { assistant_id, environment, replaces, wait, wait_ms } = readRequest(RollbackRequest, request.body)
    mustWaitFor(wait, wait_ms)
    const rolledBack = this.send(request, assistant_id, {
      type: 'rollback',
      environment,
      ...(replaces === undefined ? {} : { replaces }),
    })
    return this.receipts.after(rolledBack, { assistantId: idOf(assistant_id), environment, wait, wait_ms })
  }

  @MessagePattern('delete')
  async delete(request: BusRequest): Promise<BusReply> {
    const { assistant_id } = readRequest(DeleteRequest, request.body)
    return this.send(request, assistant_id, { type: 'delete' })
  }

  private send(request: BusRequest, id: string, command: Received['command']): Promise<BusReply> {
    const { verb, body, headers } = request
    const assistantId = idOf(id)
    const received = { verb, assistantId, givenId: assistantId, request: commandOf(body), command }
    return this.commands.execute(received, senderOf(headers))
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
function patchOf(given: { [Field in keyof ContentPatch]: ContentPatch[Field] | undefined }): ContentPatch {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
