// What of a set-up works as it is, what is awaited, what to paste; and whether the connections are well.
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { type Finding, finding } from '../doctor/finding.js'
import { checkGraphs, clientFor } from '../doctor/graphs.js'
import { checkManifest } from '../doctor/manifest.js'
import { checkNats } from '../doctor/nats.js'
import { checkService } from '../doctor/service.js'
import { EXIT } from '../failure.js'
import type { Column } from '../output/table.js'
import type { Service } from '../service/service.js'

const EXAMPLES = `
Examples:
  $ assistants doctor                                  # langgraph.json of this folder, if there is one
  $ assistants doctor ../agents/langgraph.json --url https://assistants.example.org
  $ NATS_URL=nats://10.0.0.7:4222 assistants doctor --json

Nothing is written. Exit code 1 when something is wrong; what is awaited, limited or unknown is not.`

const USUAL = 'langgraph.json'

export function register(command: Command, context: Context): void {
  command
    .argument('[langgraph.json]', 'the manifest of your graphs')
    .option('--nats-url <url>', 'the NATS server to look at (NATS_URL)')
    .addHelpText('after', EXAMPLES)
    .action((path: string | undefined, { natsUrl }: { natsUrl?: string }) => doctor(context, path, natsUrl))
}

async function doctor(context: Context, path: string | undefined, natsUrl?: string): Promise<void> {
  const service = await context.service()
  const file = path ?? (existsSync(USUAL) ? USUAL : undefined)
  const nats = natsUrl ?? (process.env.NATS_URL || undefined)
  const { urlFrom } = service.settings
  const address = finding('ok', 'address', `${service.url}, from ${urlFrom}`)
  const [{ there, findings }, fromNats, { manifest, findings: ofManifest }] = await Promise.all([
    checkService(service),
    nats === undefined ? [] : checkNats(nats),
    file === undefined ? { manifest: undefined, findings: [] } : checkManifest(file),
  ])
  const all: Finding[] = [
    address,
    ...findings,
    ...fromNats,
    ...(await placeOfLog(context)),
    ...ofManifest,
    ...(there && manifest ? await checkGraphs(service, manifest.graphs) : []),
    ...(there && manifest
      ? [
          finding(
            isLetIn(findings) ? 'ok' : 'awaited',
            'your programs',
            isLetIn(findings)
              ? 'they manage assistants here with this client'
              : 'with this client, once they show what the service takes',
            clientFor(service.url, shownBy(service, findings)),
          ),
        ]
      : []),
  ]
  if (all.some(({ state }) => state === 'wrong')) context.exit(EXIT.failed)
  await show(context, all)
}

const isLetIn = (findings: readonly Finding[]): boolean =>
  findings.some(({ what, state }) => what === 'identity' && state === 'ok')

function shownBy(
  { settings }: Service,
  findings: readonly Finding[],
): 'token' | 'key' | 'something' | 'nothing' {
  const { token, apiKey } = settings.identity
  if (token !== undefined) return 'token'
  if (apiKey !== undefined) return 'key'
  return findings.some(({ what, state }) => what === 'identity' && state === 'wrong')
    ? 'something'
    : 'nothing'
}

/** The folder of the embedded log, where a setting names one. */
async function placeOfLog(context: Context): Promise<Finding[]> {
  const { dataDir } = (await context.settings()).log
  if (dataDir === undefined) return []
  return existsSync(`${dataDir}/log.db`)
    ? [finding('ok', 'log', `${dataDir} has one`)]
    : [finding('wrong', 'log', `there is no log in ${dataDir}: is it the DATA_DIR of the service?`)]
}

const COLUMNS: readonly Column<Finding>[] = [
  {
    head: 'STATE',
    of: ({ state }) => state,
    colour: (text, { state }, { green, red, yellow, dim }) =>
      state === 'ok'
        ? green(text)
        : state === 'wrong'
          ? red(text)
          : state === 'elsewhere'
            ? dim(text)
            : yellow(text),
  },
  { head: 'WHAT', of: ({ what }) => what },
  { head: 'FOUND', of: ({ detail }) => detail, wraps: true },
]

async function show({ output }: Context, findings: readonly Finding[]): Promise<void> {
  await output.table(COLUMNS, findings)
  if (output.mode === 'json') return
  for (const { what, paste } of findings) {
    if (paste === undefined) continue
    await output.line(`\n${output.colours.bold(`to paste, for ${what}:`)}\n`)
    await output.line(paste.replaceAll(/^(?=.)/gm, '  '))
  }
}
