// The receipt of a command that asks for one: the command is durable and true whatever the wait brings, and its answer
// says both.
import { type JsonObject, receiptOf } from '@assistant-ledger/assistant'
import type { ReadModel } from '@assistant-ledger/read-model'
import { BusReply, LaterReply } from '../bus/contract.js'
import { correlate, correlationOf } from '../observability/correlation.js'
import { receipts } from '../observability/metrics.js'
import { endOf } from './ended.js'
import { FLEET_LIMITS } from './limits.js'
import type { Watch } from './watch.js'

export interface ReceiptWanted {
  readonly assistantId: string
  readonly environment: string
  readonly wait: 'converged' | undefined
  readonly wait_ms: number | undefined
}

export class Receipts {
  constructor(
    private readonly model: ReadModel,
    private readonly watch: Watch,
  ) {}

  /** The command's own answer, with a `receipt` when one is wanted: then it comes later. */
  async after(
    command: Promise<BusReply>,
    { assistantId, environment, wait, wait_ms = FLEET_LIMITS.waitDefault_ms }: ReceiptWanted,
  ): Promise<BusReply | LaterReply> {
    const reply = await command
    if (wait === undefined) return reply
    const later = new LaterReply(
      this.receipted(reply, assistantId, environment, wait_ms).catch(
        () => new BusReply(reply.body, { ...reply.headers, 'Ledger-Pending': 'read-model' }),
      ),
    )
    return correlate(later, correlationOf(reply))
  }

  private async receipted(
    reply: BusReply,
    assistantId: string,
    environment: string,
    wait_ms: number,
  ): Promise<BusReply> {
    const position = reply.headers['Ledger-Position']
    const began = performance.now()
    // Behind its own command the read model shows the promotion before: the answer then has no receipt, and says why.
    if (position !== undefined && !(await this.model.reached(BigInt(position), wait_ms))) return reply
    // A command that changed nothing made no promotion: what it shows is the one that was in force.
    const upTo = Number(reply.headers['Ledger-Revision'])
    const promotion = await this.model.fleet.promotion(assistantId, environment, { upTo })
    if (!promotion) return reply
    const settled = await this.watch.settled(promotion, wait_ms - (performance.now() - began))
    const receipt = receiptOf(settled.convergence)
    const { converged, rejected } = receipt
    receipts.inc({ outcome: converged ? 'converged' : rejected.length > 0 ? 'rejected' : 'lagging' })
    return new BusReply(
      { ...(reply.body as JsonObject), receipt: { ...receipt, ...endOf(settled.promotion) } as JsonObject },
      reply.headers,
    )
  }
}
