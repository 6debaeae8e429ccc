// The metrics of what stands: read from the parts when somebody asks for them, so that they cost nothing otherwise.
import type { RefusalCode } from '@assistant-ledger/assistant'
import type { EventStoreStats } from '@assistant-ledger/event-log'
import { Counter, Gauge } from 'prom-client'
import { commands, guardRollbacks, registry, reports } from './metrics.js'
import { answered, type Look, type Observed, OTHER } from './observed.js'
import { COMMAND_VERBS } from './requests.js'

/** What a runner may say of itself (docs/wire.md), and `unheard`: recorded as there, silent since this start. */
const RUNNER_STATES = ['starting', 'live', 'stale', 'detached', 'unheard'] as const

type Read = (look: Look) => number | undefined | Promise<number | undefined>

/** Makes the gauges. What cannot be said has no value then, rather than a wrong one. */
export function watchParts(observed: Observed): void {
  const gauge = (name: string, help: string, read: Read) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.reset()
        const value = await read(await observed.look())
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  const yes = (so: boolean): number => (so ? 1 : 0)

  gauge(
    'ledger_log_up',
    'Whether the event log answers and took the last append (1) or not (0).',
    ({ head }) => yes(head !== undefined && !observed.appendsFail),
  )
  gauge(
    'ledger_log_position',
    "Position of the event log's newest event: bytes on EventStoreDB, events otherwise.",
    ({ head }) => (head === undefined ? undefined : Number(head)),
  )
  gauge('ledger_read_model_up', 'Whether the read database answers (1) or not (0).', ({ modelAnswers }) =>
    yes(modelAnswers),
  )
  gauge('ledger_projection_position', 'Position of the log up to which the read model shows it.', () =>
    observed.model ? Number(observed.model.position) : undefined,
  )
  gauge(
    'ledger_projection_lag_seconds',
    'How long the read model has been behind the newest event of the log, 0 when it is not.',
    ({ projectionLag_s }) => projectionLag_s,
  )
  gauge(
    'ledger_quarantined_streams',
    'Streams with an event that this version of the service cannot read: their assistants answer unreadable.',
    () => observed.model?.quarantined.length,
  )
  gauge(
    'ledger_publication_up',
    'Where this replica publishes: whether it does (1) or is held up (0).',
    () => observed.publication && yes(observed.publication.isUp),
  )
  gauge(
    'ledger_publication_position',
    'Where this replica publishes: position of the log up to which NATS has it.',
    () => observed.publication && Number(observed.publication.position),
  )
  gauge(
    'ledger_publication_lag_seconds',
    'Where this replica publishes: how long NATS has been behind the read model, 0 when it is not.',
    ({ publicationLag_s }) => publicationLag_s,
  )
  gauge(
    'ledger_watermark_age_seconds',
    'Where this replica publishes: since all watermarks were written. They are what runners know by that they are up to date.',
    () => observed.watermarkAge_s,
  )
  gauge('ledger_bus_connected', 'Whether commands and queries come in over NATS (1) or not (0).', () =>
    yes(observed.bus?.isConnected ?? false),
  )
  gauge(
    'ledger_bus_requests_running',
    'Requests of the bus whose handler runs.',
    () => observed.bus?.load.running,
  )
  gauge(
    'ledger_bus_requests_queued',
    'Requests of the bus that wait for a handler.',
    () => observed.bus?.load.queued,
  )
  gauge(
    'ledger_receipts_waiting',
    'Commands that are durable and whose answer waits for their receipt.',
    () => observed.fleet?.receiptsWaiting,
  )
  gauge(
    'ledger_runner_reports_pending',
    'Reports of runners that NATS has and the log does not have yet.',
    () => answered(observed.fleet?.pendingReports()),
  )
  runnerGauge(observed)
  logCounters(observed)
}

/** What the connection to an EventStoreDB had to go through; a log in a file has no such. */
function logCounters(observed: Observed): void {
  const counter = (name: string, help: string, count: (stats: EventStoreStats) => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        const stats = observed.log?.stats?.()
        if (stats) this.inc(count(stats))
      },
    })
  counter(
    'ledger_log_resubscriptions_total',
    'Times that a subscription to EventStoreDB ended and was begun again.',
    ({ resubscriptions }) => resubscriptions,
  )
  counter(
    'ledger_log_appends_in_doubt_total',
    'Appends of which EventStoreDB did not say whether it has them; each was sent again.',
    ({ appendsInDoubt }) => appendsInDoubt,
  )
  counter(
    'ledger_log_replaced_clients_total',
    'Clients of EventStoreDB that failed and were replaced.',
    ({ replacedClients }) => replacedClients,
  )
}

/** Series that are there from the start: the first of something is an increase too. */
export function countFromZero(environments: readonly string[]): void {
  for (const verb of COMMAND_VERBS) commands.inc({ verb, outcome: 'busy' satisfies RefusalCode }, 0)
  for (const environment of environments) {
    guardRollbacks.inc({ environment }, 0)
    for (const status of ['active', 'rejected', 'removed']) reports.inc({ environment, status }, 0)
  }
}

function runnerGauge(observed: Observed): void {
  new Gauge({
    name: 'ledger_runners',
    help: 'Runners that are there, by environment and by the state that they say to be in; unheard: silent since this start.',
    labelNames: ['environment', 'state'] as const,
    registers: [registry],
    collect() {
      this.reset()
      if (!observed.fleet) return
      for (const environment of observed.environments)
        for (const state of RUNNER_STATES) this.set({ environment, state }, 0)
      for (const { environment, state } of observed.fleet.present)
        this.inc({
          environment: observed.environmentLabel(environment),
          state: (RUNNER_STATES as readonly string[]).includes(state) ? state : OTHER,
        })
    },
  })
}
