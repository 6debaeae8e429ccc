// The command line: finds the command, loads it, runs it, and says how it ended.
import { Command, CommanderError, type Help, Option } from 'commander'
import { COMMANDS, type CommandEntry } from './commands.js'
import type { Context } from './context.js'
import { clause, EXIT, type ExitCode, Failure, failureOfSystem, oneLine } from './failure.js'
import { Interrupted, onInterrupt } from './interrupt.js'
import { folded } from './output/folded.js'
import { Output, OutputClosed } from './output/output.js'
import type { Service } from './service/service.js'
import type { GlobalOptions, Settings } from './settings.js'
import { VERSION } from './version.js'

const AFTER_HELP = `
Examples:
  $ assistants list --graph writer
  $ assistants edit Blog --reason "shorter posts"
  $ assistants promote Blog --from staging --wait
  $ assistants show Blog --at "2 hours ago" --json

assistants --version says which version this is; assistants <command> --help what a command takes.
An <assistant> is named by its id or the beginning of it, by a name that only one has, or by a graph: its system assistant.
Settings come from options, then ASSISTANTS_URL, ASSISTANTS_TOKEN, ASSISTANTS_API_KEY, ASSISTANTS_ACTOR, ASSISTANTS_PROFILE,
then the profile, then the defaults; see assistants profile --help. The service is looked for where npm start runs it, else
at http://127.0.0.1:8123.

Exit codes: 0 done; 1 refused, out of reach or failed; 2 the command line cannot be meant; 3 done or known, and there is
a difference (not converged, a plan with changes); 4 somebody changed it meanwhile; 130 Ctrl-C.`

/** What the completion scripts ask with; no command for people. */
const COMPLETE = '__complete'

/** @param argv without node and the program @returns the exit code */
export async function run(argv: readonly string[]): Promise<number> {
  const interrupt = onInterrupt()
  const context = new CommandContext(interrupt.signal)
  try {
    if (argv[0] === COMPLETE) {
      const { complete } = await import('./complete.js')
      await complete(programOf(context), context, argv.slice(1))
    } else if (argv[0] === '--version' || argv[0] === '-V') await context.output.line(VERSION)
    else await programOf(context).parseAsync(rewritten(argv), { from: 'user' })
    await context.output.close()
    return context.exitCode
  } catch (error) {
    return await ended(error, context)
  } finally {
    interrupt.dispose()
  }
}

/** The program with all commands by name; what each takes is loaded when it is asked for. */
export function programOf(context: CommandContext): Command {
  const program = new Command('assistants')
    .description('Author, promote, watch and audit the assistants of a LangGraph service.')
    .usage('<command> [options]')
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP)
    .configureHelp({ styleTitle: bold(context), showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => process.stdout.write(folded(text, helpWidth())),
      outputError: (text, write) => write(`${clause(text)}; --help shows what it takes\n`),
    })
  program.helpOption('-h, --help', 'show what a command takes, with examples')
  for (const option of globalOptions()) program.addOption(option)
  for (const { title, commands } of COMMANDS) {
    program.commandsGroup(title)
    for (const { name, summary } of commands)
      program.command(name).summary(summary).description(sentence(summary))
  }
  program.hook('preSubcommand', async (parent, command) => {
    context.begin(program.opts<GlobalOptions>(), command.name())
    if (parent === program) await load(command, context)
  })
  return program
}

/** Gives a command its arguments and options, which it has not before it is asked for. */
export async function load(command: Command, context: Context): Promise<void> {
  command.helpCommand(false)
  const entry = ENTRIES.get(command.name())
  if (entry !== undefined) (await entry.load()).register(command, context)
}

const ENTRIES: ReadonlyMap<string, CommandEntry> = new Map(
  COMMANDS.flatMap(({ commands }) => commands).map((entry) => [entry.name, entry]),
)

export class CommandContext implements Context {
  options: GlobalOptions = { color: true, pager: true }
  output = new Output({ json: false, color: true, pager: true })
  exitCode: ExitCode = EXIT.ok
  #command = 'assistants'
  #settings?: Promise<Settings>
  #service?: Promise<Service>

  constructor(readonly signal: AbortSignal) {}

  /** @param command its name, for messages */
  begin(options: GlobalOptions, command = this.#command): void {
    this.options = options
    this.#command = command
    this.output = new Output({ json: options.json === true, color: options.color, pager: options.pager })
  }

  exit(code: ExitCode): void {
    this.exitCode = code
  }

  settings(): Promise<Settings> {
    this.#settings ??= readSettings(this.options, (text) => this.output.note(text))
    return this.#settings
  }

  service(): Promise<Service> {
    this.#service ??= this.settings().then(async (settings) => {
      const { Service } = await import('./service/service.js')
      return new Service(settings, this.signal, this.#command)
    })
    return this.#service
  }
}

async function readSettings(options: GlobalOptions, warn: (text: string) => void): Promise<Settings> {
  const [{ configPath, isExposed, profileOf, readConfig }, { settingsOf }, { runningStack }] =
    await Promise.all([import('./profile.js'), import('./settings.js'), import('./running.js')])
  const path = await configPath()
  const config = await readConfig(path)
  const profile = profileOf(config, options.profile ?? (process.env.ASSISTANTS_PROFILE || undefined), path)
  if (profile !== undefined && (await isExposed(path, config)))
    warn(`assistants: others may read the secrets in ${path}; run: chmod 600 ${path}`)
  return settingsOf(options, process.env, profile, runningStack(process.env))
}

function globalOptions(): Option[] {
  return [
    new Option('--url <url>', 'where the service is (http://127.0.0.1:8123)'),
    new Option('--token <token>', 'a bearer token to show it'),
    new Option('--api-key <key>', 'an API key to show it'),
    new Option('--actor <name>', 'who you are, where the service asks nobody'),
    new Option('--profile <name>', 'the profile to use'),
    new Option('--timeout <seconds>', 'how long an answer may take (10)'),
    new Option('--json', 'one JSON object a line'),
    new Option('--no-color', 'no colours, as with NO_COLOR'),
    new Option('--no-pager', 'everything at once'),
  ]
}

/** `help`, and nothing at all, are ways of asking for help. */
function rewritten(argv: readonly string[]): string[] {
  const [first, ...rest] = argv
  if (first === undefined) return ['--help']
  return first === 'help' ? [...rest, '--help'] : [...argv]
}

async function ended(error: unknown, context: CommandContext): Promise<number> {
  // It has said itself what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (!(error instanceof OutputClosed)) await context.output.close().catch(() => undefined)
  if (error instanceof OutputClosed) return context.exitCode
  if (error instanceof Interrupted || context.signal.aborted) {
    if (error instanceof Interrupted && error.message !== '') context.output.note(error.message)
    return EXIT.interrupted
  }
  const failure = error instanceof Failure ? error : failureOfSystem(error)
  if (failure) {
    context.output.note(`${context.output.noteColours.red('error:')} ${oneLine(failure.message)}`)
    return failure.exit
  }
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
  context.output.note(`error: assistants itself failed, which is a defect: ${told}`)
  return EXIT.failed
}

const bold: (context: CommandContext) => Help['styleTitle'] = (context) => (title) =>
  context.output.colours.bold(title)

/** As wide as the options are told. */
const helpWidth = (): number => (process.stdout.isTTY && process.stdout.columns) || 80

const sentence = (summary: string) => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
