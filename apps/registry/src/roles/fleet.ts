// The fleet's role: who is there, what runners report, who waits for it, and the guards that judge by it. Every replica
// hears runners and answers whoever waits; the one that leads records and judges.
import type { CommandService } from '../commands/execute.js'
import { FleetService } from '../fleet/answer.js'
import { caughtUp } from '../fleet/caught-up.js'
import { Digests } from '../fleet/digests.js'
import { Feed } from '../fleet/feed.js'
import { Guards } from '../fleet/guards.js'
import { Presence } from '../fleet/presence.js'
import { Receipts } from '../fleet/receipts.js'
import { FleetLog } from '../fleet/record.js'
import { Reports } from '../fleet/reports.js'
import { Watch } from '../fleet/watch.js'
import { warn } from '../lines.js'
import { type FleetPart, observed } from '../observability/observed.js'
import type { Publishing } from './publication.js'
import { together } from './together.js'

export class FleetRole {
  readonly service: FleetService
  readonly receipts: Receipts
  private readonly fleetLog: FleetLog
  private readonly watch: Watch
  private readonly feed: Feed
  readonly presence: Presence
  private readonly reports: Reports
  private readonly guards: Guards

  constructor(
    private readonly publishing: Omit<Publishing, 'graphs'>,
    commands: CommandService,
    leads: () => boolean,
  ) {
    const { settings, log, model, connection } = publishing
    const { project, environments } = settings
    this.fleetLog = new FleetLog(log, project)
    const { fleetLog } = this
    const digests = new Digests(model.fleet)
    const of = { connection, project, log, model, fleetLog, digests, warn }
    this.presence = new Presence(of)
    this.reports = new Reports(of)
    this.feed = new Feed({ connection, project, environments, model, tells: leads })
    this.watch = new Watch({ project, log, model, feed: this.feed })
    this.guards = new Guards({ log, model, project, commands, reports: this.reports, warn })
    this.service = new FleetService(model, this.presence, { environments: new Set(environments) })
    this.receipts = new Receipts(model, this.watch)
  }

  /** Hears and answers until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await together(
      signal,
      (all) => this.presence.run(all),
      (all) => this.watch.run(all),
      (all) => this.feed.run(all),
    )
  }

  /**
   * Records and judges until the signal. Begins when the projection has what the log has by now, so that nothing is
   * recorded that is there already.
   */
  async lead(signal: AbortSignal): Promise<void> {
    const { log, model } = this.publishing
    await caughtUp(model, await log.head(), signal)
    this.fleetLog.forget()
    observed.fleet = this.part
    await together(
      signal,
      (all) => this.presence.lead(all),
      (all) => this.reports.run(all),
      (all) => this.guards.run(all),
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
