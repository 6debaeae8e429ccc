// What a promotion would do, in lines for people, as the service foresees it: whom it reaches, who would refuse it, and
// what its schemas do not allow.

import { clause } from '../failure.js'
import type { Foreseen } from '../service/history.js'
import { ownWords } from '../service/refused.js'
import type { Output } from './output.js'

/** So many runners are named. */
const NAMED = 8

/** Whether something is in its way. */
export const isHeldUp = ({ decision, would_refuse, violations }: Foreseen): boolean =>
  decision.type === 'refused' || would_refuse.length > 0 || violations.length > 0

/** What the service would answer. */
export function answerIn(
  { decision, environment, to }: Foreseen,
  { green, red, dim }: Output['colours'],
): string {
  switch (decision.type) {
    case 'promoted':
      return `${green('would be promoted')} to ${environment}: ${to}`
    case 'unchanged':
      return `${dim('would change nothing')}: ${environment} is on ${to} already`
    case 'refused':
      return `${red('would be refused')}: ${ownWords(clause(decision.refusal?.detail ?? '')).said} (${decision.refusal?.code})`
    default:
      return decision.type satisfies never
  }
}

/** A line for the runners that it reaches, and for each thing that is in its way. */
export function reachIn(
  { reached, lost, would_refuse, violations }: Foreseen,
  { red, yellow }: Output['colours'],
): string[] {
  return [
    counted(reached, 'would get it'),
    ...(lost.length > 0 ? [yellow(counted(lost, 'would lose the assistant with its graph'))] : []),
    ...would_refuse.map(({ runner, reason, at }) =>
      red(`${runner} would refuse it, as it did at ${at}: ${reason}`),
    ),
    ...violations.map((violation) => yellow(violationIn(violation))),
  ]
}

function counted(runners: readonly { readonly runner: string }[], what: string): string {
  if (runners.length === 0) return `no runner ${what}`
  const names = runners.slice(0, NAMED).map(({ runner }) => runner)
  const more = runners.length > NAMED ? ', …' : ''
  return `${runners.length} runner${runners.length === 1 ? '' : 's'} ${what}: ${names.join(', ')}${more}`
}

export function violationIn(violation: Foreseen['violations'][number]): string {
  const { pointer, message } = violation as { readonly pointer?: unknown; readonly message?: unknown }
  return `the schema does not allow ${pointer}: ${message}`
}
