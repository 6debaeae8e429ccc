// Entries of history in columns: what a person reads on a terminal, and everything that a script wants when piped.
import type { HistoryEntry } from '@assistant-ledger/history'
import type { Mode } from './output.js'
import { toldReason } from './receipt.js'
import type { Column } from './table.js'

type EntryColumn = Column<HistoryEntry>

const POSITION: EntryColumn = {
  head: 'POS',
  of: ({ position }) => `@${position}`,
  least: 6,
  colour: (text, _, { yellow }) => yellow(text),
}
const AT: EntryColumn = { head: 'WHEN', of: ({ at }) => at, time: true, least: 14 }
const ACTOR: EntryColumn = {
  head: 'WHO',
  of: ({ actor }) => actor?.id,
  shrinks: true,
  least: 8,
  // What nobody has verified is only claimed.
  colour: (text, { actor }, { cyan, dim }) => (actor?.verified === false ? dim(text) : cyan(text)),
}
const ASSISTANT: EntryColumn = {
  head: 'ASSISTANT',
  of: ({ assistant_id }) => assistant_id,
  shrinks: true,
  colour: (text, _, { dim }) => dim(text),
}
/** As much of it as `assistants show` takes. */
const ID: EntryColumn = {
  head: 'ID',
  of: ({ assistant_id }) => assistant_id.slice(0, 8),
  least: 8,
  colour: (text, _, { dim }) => dim(text),
}
const NAME: EntryColumn = {
  head: 'NAME',
  of: ({ name }) => name,
  shrinks: true,
  least: 8,
  colour: (text, _, { cyan }) => cyan(text),
}
const WHAT: EntryColumn = { head: 'WHAT', of: whatOf }
/** The same in fewer letters; what does not fit goes on below. */
const FACT: EntryColumn = { head: 'WHAT', of: factOf, wraps: true, least: 12 }
const REASON: EntryColumn = { head: 'WHY', of: ({ reason }) => reason, wraps: true, least: 12 }
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
  return ofOne ? [POSITION, AT, ACTOR, FACT, TOLD] : [POSITION, AT, ACTOR, ID, NAME, FACT, TOLD]
}

/** `live v3 → v8`, with what else is to be said of it. */
function factOf(entry: HistoryEntry): string {
  const { type, version, built_on, environment, replaces, rollback, graph_id } = entry
  const v = (number: number | undefined) => (number === undefined ? '–' : `v${number}`)
  switch (type) {
    case 'VersionPromoted':
      return whatOf({
        ...entry,
        what: `${environment} ${v(replaces)} → ${v(version)}${rollback ? ', taken back' : ''}`,
      })
    case 'ConfigChanged':
      return whatOf({
        ...entry,
        what: `made ${v(version)}${built_on === undefined ? '' : ` from ${v(built_on)}`}`,
      })
    case 'AssistantCreated':
      return whatOf({
        ...entry,
        what: `created${(entry.generation ?? 1) > 1 ? ' again' : ''}, graph ${graph_id}`,
      })
    default:
      return whatOf(entry)
  }
}

function whatOf({
  what,
  violations,
  reports = [],
}: Pick<HistoryEntry, 'what' | 'violations' | 'reports'>): string {
  const misfits = Array.isArray(violations) ? violations.length : 0
  const refused = reports.find(({ status }) => status === 'rejected')
  return [
    what,
    ...(misfits > 0 ? [`the schema does not allow ${misfits} place${misfits === 1 ? '' : 's'} of it`] : []),
    ...(refused?.reason === undefined ? [] : [`${refused.runner}: ${refused.reason}`]),
  ].join('; ')
}
