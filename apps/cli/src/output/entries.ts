// Entries of history in columns: what a person reads on a terminal, and everything that a script wants when piped.
import type { HistoryEntry } from '@assistant-ledger/history'
import type { Mode } from './output.js'
import { toldReason } from './receipt.js'
import type { Column } from './table.js'

type EntryColumn = Column<HistoryEntry>

const POSITION: EntryColumn = {
  head: 'POSITION',
  of: ({ position }) => `@${position}`,
  colour: (text, _, { yellow }) => yellow(text),
}
const AT: EntryColumn = { head: 'WHEN', of: ({ at }) => at, time: true, least: 14 }
const ACTOR: EntryColumn = {
  head: 'WHO',
  of: ({ actor }) => actor?.id,
  shrinks: true,
  // What nobody has verified is only claimed.
  colour: (text, { actor }, { cyan, dim }) => (actor?.verified === false ? dim(text) : cyan(text)),
}
const ASSISTANT: EntryColumn = {
  head: 'ASSISTANT',
  of: ({ assistant_id }) => assistant_id,
  shrinks: true,
  colour: (text, _, { dim }) => dim(text),
}
const WHAT: EntryColumn = { head: 'WHAT', of: whatOf, shrinks: true, least: 28 }
const REASON: EntryColumn = { head: 'WHY', of: ({ reason }) => reason, shrinks: true }
const TOLD: EntryColumn = { ...REASON, of: ({ reason }) => reason && toldReason(reason) }

const TYPE: EntryColumn = { head: 'TYPE', of: ({ type }) => type }
const VERSION: EntryColumn = {
  head: 'VERSION',
  of: ({ generation, version }) => (version === undefined ? '' : `${generation}.${version}`),
}
const ENVIRONMENT: EntryColumn = { head: 'ENVIRONMENT', of: ({ environment }) => environment }
const REF: EntryColumn = { head: 'REF', of: ({ ref }) => ref }

/** @param ofOne whether all entries are of one assistant, which then needs no column on a terminal */
export function columnsOf(mode: Mode, ofOne: boolean): readonly EntryColumn[] {
  if (mode !== 'terminal')
    return [POSITION, AT, ACTOR, ASSISTANT, TYPE, VERSION, ENVIRONMENT, WHAT, REASON, REF]
  return ofOne ? [POSITION, AT, ACTOR, WHAT, TOLD] : [POSITION, AT, ACTOR, ASSISTANT, WHAT, TOLD]
}

function whatOf({ what, violations, reports = [] }: HistoryEntry): string {
  const misfits = Array.isArray(violations) ? violations.length : 0
  const refused = reports.find(({ status }) => status === 'rejected')
  return [
    what,
    ...(misfits > 0 ? [`the schema does not allow ${misfits} place${misfits === 1 ? '' : 's'} of it`] : []),
    ...(refused?.reason === undefined ? [] : [`${refused.runner}: ${refused.reason}`]),
  ].join('; ')
}
