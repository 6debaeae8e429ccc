// What is behind a run: from the reference or the metadata that its trace carries to the content, who made it and why, how
// it came to be where it ran, and what runners said of it.
import { existsSync } from 'node:fs'
import type { JsonValue } from '@assistant-ledger/assistant'
import type { HistoryEntry, Ran, Why } from '@assistant-ledger/history'
import type { Command } from 'commander'
import { parseDocument, toYaml, writtenOf } from '../content.js'
import type { Context } from '../context.js'
import { EXIT, usage } from '../failure.js'
import { columnsOf } from '../output/entries.js'
import type { Output } from '../output/output.js'
import type { Column } from '../output/table.js'
import { getVersion } from '../service/assistants.js'
import { historyPages } from '../service/history.js'
import { readText } from '../text-file.js'
import { relative } from '../time.js'

const REFERENCE = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0001@1.3#0f9a86d1c2b3e4f5'

const EXAMPLES = `
Examples:
  $ assistants why '${REFERENCE}'
  $ assistants why trace.json                          # a run with assistant_ref, or assistant_id and assistant_version
  $ langsmith-run 4711 | assistants why -              # metadata, or a run that has it as metadata or extra.metadata
  $ assistants why run.json --json | jq .content.context.prompt

A reference is what the metadata of a run has as assistant_ref, the answer of runs.<graph> as ref, and assistants log --json.
Exit code 3 when there is such a version, and its content is not the one whose hash the run names.`

export function register(command: Command, context: Context): void {
  command
    .argument(
      '<run>',
      'a reference, the metadata of a run as JSON, a file with either, or - for the standard input',
    )
    .addHelpText('after', EXAMPLES)
    .action((given: string) => why(context, given))
}

async function why(context: Context, given: string): Promise<void> {
  const { output } = context
  const ran = await ranOf(given)
  const service = await context.service()
  const entries: HistoryEntry[] = []
  for await (const page of historyPages(service, ran.assistantId, { receipts: true }))
    entries.push(...page.filter((entry) => concerns(entry, ran)))
  const generation = ran.generation ?? generationOf(ran, entries)
  const { explain } = await import('@assistant-ledger/history')
  const { body: found } = await getVersion(service, ran.assistantId, ran.version, generation)
  const behind = explain(ran, found, entries)
  if (behind.matches === false) context.exit(EXIT.differs)
  if (output.mode === 'json') return output.json(behind)
  output.page()
  await show(output, ran, behind)
}

/** Whether an entry says anything of the version that ran: of a long past only those are kept. */
const concerns = ({ version, reports = [] }: HistoryEntry, ran: Ran): boolean =>
  version === ran.version || reports.some((report) => report.version === ran.version)

async function ranOf(given: string): Promise<Ran> {
  const { ranIn } = await import('@assistant-ledger/history')
  const direct = ranIn(given)
  if (direct) return direct
  const isJson = given.trimStart().startsWith('{')
  const where = isJson ? 'the metadata' : given === '-' ? 'the standard input' : given
  if (!isJson && given !== '-' && !existsSync(given))
    throw usage(
      `${JSON.stringify(given)} is neither a reference nor a file; a reference is like ${REFERENCE}: a run's metadata has it as assistant_ref, assistants log --json as ref`,
    )
  const text = isJson ? given : await readText(given)
  const found = ranIn(text) ?? ranIn((await parseDocument(text, where)) as JsonValue)
  if (found) return found
  throw usage(
    `${where} has no assistant_ref or ref, and no assistant_id with assistant_version: which run it was, nobody can tell`,
  )
}

/** The newest life with such a version, of that hash where the run names one; undefined: the present one. */
function generationOf({ version, hash = '' }: Ran, entries: readonly HistoryEntry[]): number | undefined {
  const made = entries.filter(
    (entry) =>
      entry.version === version && (entry.type === 'ConfigChanged' || entry.type === 'AssistantCreated'),
  )
  const named = made.find(({ ref = '' }) => {
    const short = ref.slice(ref.indexOf('#') + 1)
    return short.startsWith(hash) || hash.startsWith(short)
  })
  return (named ?? made[0])?.generation
}

async function show(output: Output, ran: Ran, { ref, made, content, ...behind }: Why): Promise<void> {
  const { cyan, bold, green, red } = output.colours
  const when = (at: string) => (output.mode === 'terminal' ? `${relative(at)} (${at})` : at)
  const field = (name: string, value: string) => output.line(`${cyan(`${name}:`)} ${value}`)
  await field('ref', bold(ref))
  if (made) {
    await field(
      'made by',
      `${made.actor?.id}${made.actor?.verified === false ? ' (claimed, not verified)' : ''}`,
    )
    await field('when', when(made.at))
    await field('why', made.reason ?? 'no reason was given')
    await field('how', made.what)
  }
  if (behind.matches === false)
    await field(
      'content',
      red(`not the one that ran: its hash is ${behind.content_hash}, the run names ${ran.hash}`),
    )
  else
    await field(
      'content',
      behind.matches ? green('the very one that ran') : 'of that version; the run names no hash',
    )
  const text = (await toYaml(writtenOf(content))).trimEnd()
  for (const line of text.split('\n')) await output.line(`  ${line}`)
  const place = ran.environment === undefined ? '' : ` of ${ran.environment}`
  await output.line()
  await output.line(bold(behind.promotions.length > 0 ? `promotions${place}` : `no promotions${place}`))
  await output.table(columnsOf(output.mode, true), behind.promotions)
  await output.line(bold(behind.reports.length > 0 ? `reports${place}` : `no reports${place}`))
  await output.table(reportsOn(behind.promotions), behind.reports)
}

/** Each with the promotion that it is of, as the list above names it. */
const reportsOn = (promotions: Why['promotions']): readonly Column<Why['reports'][number]>[] => [
  { head: 'RUNNER', of: ({ runner }) => runner, shrinks: true },
  { head: 'ENVIRONMENT', of: ({ environment }) => environment },
  {
    head: 'SAID',
    of: ({ status }) => status,
    colour: (text, { status }, { green, red }) => (status === 'rejected' ? red(text) : green(text)),
  },
  {
    head: 'OF',
    of: ({ revision, environment }) => {
      const of = promotions.find((one) => one.environment === environment && one.revision <= revision)
      return of && `@${of.position}`
    },
    colour: (text, _, { yellow }) => yellow(text),
  },
  { head: 'WHEN', of: ({ at }) => at, time: true },
  { head: 'REASON', of: ({ reason }) => reason, wraps: true },
]
