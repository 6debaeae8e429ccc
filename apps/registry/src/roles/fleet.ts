// The fleet's role: who is there, what runners report, who waits for it, and the guards that judge by it. Its parts
// begin when the projection has what the log had at the start, so that nothing is recorded that is there already.
import type { ReadModel } from '@assistant-ledger/read-model'
import type { CommandService } from '../commands/execute.js'
import { FleetService } from '../fleet/answer.js'
import { Digests } from '../fleet/digests.js'
import { Guards } from '../fleet/guards.js'
import { FLEET_LIMITS } from '../fleet/limits.js'
import { Presence } from '../fleet/presence.js'
import { Receipts } from '../fleet/receipts.js'
import { FleetLog } from '../fleet/record.js'
import { Reports } from '../fleet/reports.js'
import { Watch } from '../fleet/watch.js'
import { warn } from '../lines.js'
import { type FleetPart, observed } from '../observability/observed.js'
import { leading } from '../observability/roles.js'
import { endingSoon, type Publishing } from './publication.js'

export class FleetRole {
  readonly service: FleetService
  readonly receipts: Receipts
  private readonly watch: Watch
  private readonly presence: Presence
  private readonly reports: Reports
  private readonly guards: Guards

  constructor(
    private readonly publishing: Omit<Publishing, 'ledger' | 'graphs'>,
    commands: CommandService,
  ) {
    const { settings, log, model, connection } = publishing
    const { project, environments } = settings
    const fleetLog = new FleetLog(log, project)
    const digests = new Digests(model.fleet)
    const of = { connection, project, model, fleetLog, digests, warn }
    this.presence = new Presence(of)
    this.reports = new Reports(of)
    this.watch = new Watch({ connection, project, environments, log, model })
    this.guards = new Guards({ log, model, project, commands, reports: this.reports, warn })
    this.service = new FleetService(model, this.presence)
    this.receipts = new Receipts(model, this.watch)
  }

  /** Works until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, model, connection } = this.publishing
    await caughtUp(model, await log.head(), signal)
    const parts = [this.presence, this.reports, this.watch, this.guards]
    observed.fleet = this.part
    await leading('fleet', () =>
      endingSoon(connection, signal, Promise.all(parts.map((part) => part.run(signal)))),
    ).finally(() => {
      observed.fleet = undefined
    })
  }

  private get part(): FleetPart {
    const { presence, watch, reports } = this
    return {
      get present() {
        return presence.present
      },
      get receiptsWaiting() {
        return watch.waiting
      },
      pendingReports: () => reports.pending(),
    }
  }

  /** Who waits for a receipt is answered with what is known. */
  answerWaiting(): void {
    this.watch.close()
  }
}

async function caughtUp(model: ReadModel, head: bigint, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await model.reached(head, FLEET_LIMITS.look_ms)));
}
