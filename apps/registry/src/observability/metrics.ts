// Every metric of the service, for Prometheus. Where something happens it is counted by one call on what is exported
// here; what stands rather than happens is read when it is asked for (`observed.ts`). docs/operations.md has the table.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export const registry = new Registry()

const registers = [registry]

/** Seconds: from a read of a row to what a client no longer waits for. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export const commands = new Counter({
  name: 'ledger_commands_total',
  help: 'Commands that were answered, by verb and outcome: ok, or the code of the refusal.',
  labelNames: ['verb', 'outcome'] as const,
  registers,
})

export const commandSeconds = new Histogram({
  name: 'ledger_command_duration_seconds',
  help: 'From the arrival of a command to its answer, without the wait for a receipt, by verb.',
  labelNames: ['verb'] as const,
  buckets: SECONDS,
  registers,
})

export const queries = new Counter({
  name: 'ledger_queries_total',
  help: 'Queries that were answered, by verb (unknown: there is no such verb) and outcome: ok, or the code of the refusal.',
  labelNames: ['verb', 'outcome'] as const,
  registers,
})

export const querySeconds = new Histogram({
  name: 'ledger_query_duration_seconds',
  help: 'From the arrival of a query to its answer, by verb.',
  labelNames: ['verb'] as const,
  buckets: SECONDS,
  registers,
})

export const appendSeconds = new Histogram({
  name: 'ledger_append_duration_seconds',
  help: 'One attempt to append to the event log, by outcome: ok, conflict, in-doubt, unavailable, rejected, failed.',
  labelNames: ['outcome'] as const,
  buckets: SECONDS,
  registers,
})

export const readModelWaitSeconds = new Histogram({
  name: 'ledger_read_model_wait_seconds',
  help: 'How long the answer to a command waited for the read model to show its effect, by outcome: shown, late.',
  labelNames: ['outcome'] as const,
  buckets: SECONDS,
  registers,
})

export const leads = new Gauge({
  name: 'ledger_lead',
  help: 'Whether this replica is the one that is active in a role (1) or not (0).',
  labelNames: ['role'] as const,
  registers,
})

export const reports = new Counter({
  name: 'ledger_runner_reports_total',
  help: 'Reports of runners that were recorded, by environment and status: active, rejected, removed.',
  labelNames: ['environment', 'status'] as const,
  registers,
})

export const receipts = new Counter({
  name: 'ledger_receipts_total',
  help: 'Receipts that commands were answered with, by outcome: converged, rejected (somebody refused it), lagging.',
  labelNames: ['outcome'] as const,
  registers,
})

export const guardRollbacks = new Counter({
  name: 'ledger_guard_rollbacks_total',
  help: 'Promotions that the service took back because their guard was broken, by environment.',
  labelNames: ['environment'] as const,
  registers,
})

/** The process itself: memory, CPU, handles, garbage collection, and how late the event loop is. */
export const collectProcess = (): void =>
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })
