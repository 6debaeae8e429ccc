// What came of a command that moved an environment: the version that is there now, and who runs it.
import type { Context } from '../context.js'
import { defined } from '../defined.js'
import { EXIT } from '../failure.js'
import { getStanding } from '../service/assistants.js'
import type { Answer, Service } from '../service/service.js'
import type { Assistant, Receipt, Standing } from '../service/shapes.js'
import type { Output } from './output.js'
import type { Column } from './table.js'

/** One runner in a receipt. */
export interface RunnerLine {
  readonly runner: string
  readonly state: 'active' | 'refused' | 'lagging'
  readonly after_ms?: number
  readonly since?: string
  /** Why it refused. */
  readonly reason?: string
  /** What it is on instead. */
  readonly on?: string
}

export function runnersOf({ active, rejected, lagging }: Standing): RunnerLine[] {
  return [
    ...active.map(({ runner, since, after_ms }) => ({ runner, state: 'active' as const, since, after_ms })),
    ...rejected.map(({ runner, reason, on }) => ({
      runner,
      state: 'refused' as const,
      reason,
      ...(on ? { on } : {}),
    })),
    ...lagging.map(({ runner, on }) => ({ runner, state: 'lagging' as const, ...(on ? { on } : {}) })),
  ]
}

export const RUNNER_COLUMNS: readonly Column<RunnerLine>[] = [
  { head: 'RUNNER', of: ({ runner }) => runner, shrinks: true },
  {
    head: 'STATE',
    of: ({ state }) => state,
    colour: (text, { state }, { green, red, yellow }) =>
      state === 'active' ? green(text) : state === 'refused' ? red(text) : yellow(text),
  },
  { head: 'SINCE', of: ({ since }) => since, time: true, mayGo: true },
  { head: 'AFTER', of: ({ after_ms }) => after_ms, duration: true, align: 'right', mayGo: true },
  { head: 'ON', of: ({ on }) => on?.replace(/^[^@]*@/, '@'), shrinks: true, mayGo: true },
  { head: 'REASON', of: ({ reason }) => reason, shrinks: true, mayGo: true },
]

/** How the fleet stands, in a sentence. */
export function standingIn({ converged, of, active, rejected, lagging }: Receipt | Standing): string {
  const there = typeof active === 'number' ? active : active.length
  if (of === 0) return 'no runner follows it'
  return [
    `${there} of ${of} runners are on it`,
    ...(rejected.length > 0 ? [`${rejected.length} refused`] : []),
    ...(lagging.length > 0 ? [`${lagging.length} not yet`] : []),
  ]
    .join(', ')
    .concat(converged ? '' : ': not converged')
}

/**
 * Says what a command did, and sets the exit code: 3 when it waited and the runners have not converged.
 * @param done in words, `version 3 is in live`
 */
export async function report(
  context: Context,
  service: Service,
  { body: assistant, headers }: Answer<Assistant>,
  { done, environment, waited }: { done: string; environment: string | undefined; waited: boolean },
): Promise<void> {
  const { output } = context
  const { receipt, violations = [] } = assistant
  if (waited && !hasConverged(receipt)) context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(assistant)
  for (const { pointer, message } of violations)
    output.note(output.noteColours.yellow(`the graph's schema does not allow ${pointer}: ${message}`))
  await output.line(done)
  if (!waited) return
  if (receipt === undefined)
    return output.note('there is no receipt: the service has no view of the runners now')
  const revision = Number(headers.get('ledger-revision'))
  await showReceipt(output, service, { id: assistant.assistant_id, environment, revision, receipt })
}

export const hasConverged = (receipt: Receipt | undefined): boolean =>
  receipt?.converged === true && !receipt.superseded && !receipt.taken_back

/** @param shown.revision of the promotion */
export async function showReceipt(
  output: Output,
  service: Service,
  shown: { id: string; environment: string | undefined; revision: number; receipt: Receipt },
): Promise<void> {
  const { id, environment, revision, receipt } = shown
  await output.line(standingIn(receipt))
  const of = defined({ environment })
  const read = (query: { revision?: number }) =>
    getStanding(service, id, { ...of, ...query }).then(
      ({ body }) => body,
      () => undefined,
    )
  const end = receipt.taken_back ?? receipt.superseded
  const standing = await read(end ? { revision } : {})
  if (standing) await output.table(RUNNER_COLUMNS, runnersOf(standing))
  // Who leaves is not waited for, and would be missed by nobody. What changed nothing has no promotion of its own.
  const since = end || standing?.revision !== revision ? standing : await read({ revision })
  for (const { runner, reason } of (since?.revision === revision && since.gone) || [])
    output.note(
      `${runner} ${reason === 'silent' ? 'fell silent' : 'ended'} before it was on it, and is not counted`,
    )
  if (!end) return
  const why = typeof end.reason === 'string' ? `: ${toldReason(end.reason)}` : ''
  output.note(`${receipt.taken_back ? 'it was taken back' : 'another took its place'}${why}`)
}

/** Of a guard's reason, what a person reads: the receipt that is recorded with it has its own table. */
export const toldReason = (reason: string): string =>
  reason.replace(/\. Receipt: \{.*$/s, '').replace(/^Guard broken, version \d+ taken back: /, '')

/** While a command waits for the runners, the person is told so. */
export async function whileWaiting<T>(
  { output }: Context,
  seconds: number | undefined,
  work: Promise<T>,
): Promise<T> {
  if (seconds === undefined || !output.drawsProgress) return work
  const begun = Date.now()
  const timer = setInterval(() => {
    const passed = Math.round((Date.now() - begun) / 1000)
    process.stderr.write(`\r\u001b[Kwaiting for the runners: ${passed} of at most ${seconds} s`)
  }, 1_000)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (Date.now() - begun > 1_000) process.stderr.write('\r\u001b[K')
  }
}
