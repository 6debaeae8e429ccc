// What anybody who may ask is told of the log: which one it is, how far it was signed, and whose signature that is.
import type { JsonObject } from '@assistant-ledger/assistant'
import type { EventLog } from '@assistant-ledger/event-log'
import { BusReply } from '../bus/contract.js'
import type { SigningKey } from './key.js'
import { lastCheckpoint, readLedger } from './stream.js'

export class LedgerService {
  constructor(
    private readonly log: EventLog,
    private readonly project: string,
    private readonly key: SigningKey | undefined,
  ) {}

  /** @throws LogUnavailable */
  async ledger(): Promise<BusReply> {
    const { project, key } = this
    const { ledger } = await readLedger(this.log, project)
    const checkpoint = await lastCheckpoint(this.log, project)
    const body = {
      project,
      ...(ledger && { log_id: ledger.logId, epoch: ledger.epoch }),
      ...(key && { key: key.fingerprint, public_key: key.publicKey }),
      ...(checkpoint && { checkpoint }),
    }
    return new BusReply(body as unknown as JsonObject)
  }
}
