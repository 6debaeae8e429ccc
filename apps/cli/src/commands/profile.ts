// Profiles: where a service is and who one is there, kept by name in the config file.
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { usage } from '../failure.js'
import { readSecret } from '../input.js'
import {
  checkName,
  configPath,
  noProfile,
  type Profile,
  readConfig,
  SECRET_FIELDS,
  writeConfig,
} from '../profile.js'
import { urlOf } from '../settings.js'

const EXAMPLES = `
Examples:
  $ assistants profile set work --url https://assistants.example.org --token-stdin < token.txt
  $ assistants profile use work
  $ assistants profile list
  $ assistants profile leave                           # no profile counts any more; it stays there
  $ ASSISTANTS_PROFILE=work assistants list

The file is config.yaml in ~/.config/assistants (XDG_CONFIG_HOME; ASSISTANTS_CONFIG names another). It is readable by its
owner alone. What a profile has to show goes to the profile's own service only.`

interface SetOptions {
  readonly tokenStdin?: boolean
  readonly apiKeyStdin?: boolean
  readonly dataDir?: string
  readonly eventstoreUrl?: string
  readonly project?: string
}

export function register(command: Command, context: Context): void {
  command.usage('<list|set|use|leave|remove>').addHelpText('after', EXAMPLES)
  const part = (line: string, summary: string, example: string) =>
    command
      .command(line)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .addHelpText('after', `\nExamples:\n  $ assistants profile ${example}`)
  part('list', 'the profiles there are', 'list').action(() => list(context))
  part(
    'set <name>',
    'make or change a profile, from --url, --token, --api-key, --actor and these',
    'set work --url https://assistants.example.org --token-stdin < token.txt',
  )
    .option('--token-stdin', 'read the token from the standard input')
    .option('--api-key-stdin', 'read the API key from the standard input')
    .option('--data-dir <path>', 'where the log of an embedded installation is')
    .option('--eventstore-url <url>', 'where the log is in EventStoreDB')
    .option('--project <name>', 'the project of the log')
    .action((name: string, options: SetOptions) => set(context, name, options))
  part('use <name>', 'the profile that counts when none is named', 'use work').action((name: string) =>
    use(context, name),
  )
  part('leave', 'no profile counts until one is named again; they stay', 'leave').action(() => leave(context))
  part('remove <name>', 'forget a profile', 'remove work').action((name: string) => remove(context, name))
}

async function list({ output, options }: Context): Promise<void> {
  const config = await readConfig(await configPath())
  const inUse = options.profile ?? (process.env.ASSISTANTS_PROFILE || config.profile)
  const rows = Object.entries(config.profiles).map(([name, profile]) => ({
    name,
    in_use: name === inUse,
    ...Object.fromEntries(
      Object.entries(profile).map(([field, value]) => [field, SECRET_FIELDS.has(field) ? '…' : value]),
    ),
  }))
  await output.table<{ name: string; in_use: boolean } & Profile>(
    [
      { head: '', of: ({ in_use }) => (in_use ? '*' : '') },
      { head: 'PROFILE', of: ({ name }) => name },
      { head: 'URL', of: ({ url }) => url, shrinks: true },
      {
        head: 'SHOWS',
        of: ({ token, api_key }) => (token ? 'token' : api_key ? 'API key' : ''),
      },
      { head: 'ACTOR', of: ({ actor }) => actor, shrinks: true },
    ],
    rows,
  )
  if (rows.length === 0) output.note('no profiles yet; make one with: assistants profile set <name> --url …')
}

async function set({ output, options }: Context, name: string, more: SetOptions): Promise<void> {
  checkName(name)
  if (more.tokenStdin && more.apiKeyStdin) throw usage('only one of --token-stdin and --api-key-stdin')
  const path = await configPath()
  const config = await readConfig(path)
  const token = more.tokenStdin ? await readSecret('token') : options.token
  const apiKey = more.apiKeyStdin ? await readSecret('API key') : options.apiKey
  const given: Profile = {
    ...(options.url === undefined ? {} : { url: urlOf(options.url) }),
    ...(token === undefined ? {} : { token }),
    ...(apiKey === undefined ? {} : { api_key: apiKey }),
    ...(options.actor === undefined ? {} : { actor: options.actor }),
    ...(more.dataDir === undefined ? {} : { data_dir: more.dataDir }),
    ...(more.eventstoreUrl === undefined ? {} : { eventstore_url: more.eventstoreUrl }),
    ...(more.project === undefined ? {} : { project: more.project }),
  }
  if (Object.keys(given).length === 0) throw usage(`nothing to set; give --url or another option`)
  // One identity takes the place of the other.
  const { token: _, api_key: __, ...before } = config.profiles[name] ?? {}
  const kept =
    given.token === undefined && given.api_key === undefined ? (config.profiles[name] ?? {}) : before
  const first = Object.keys(config.profiles).length === 0 ? { profile: name } : {}
  await writeConfig(path, {
    ...config,
    ...first,
    profiles: { ...config.profiles, [name]: { ...kept, ...given } },
  })
  output.note(`profile ${name} is in ${path}`)
}

async function use({ output }: Context, name: string): Promise<void> {
  const path = await configPath()
  const config = await readConfig(path)
  if (!Object.hasOwn(config.profiles, name)) throw usage(noProfile(config, name, path))
  await writeConfig(path, { ...config, profile: name })
  output.note(`${name} is in use`)
}

async function leave({ output }: Context): Promise<void> {
  const path = await configPath()
  const { profile, ...rest } = await readConfig(path)
  if (profile !== undefined) await writeConfig(path, rest)
  output.note(profile === undefined ? 'no profile is in use' : `${profile} is in use no more`)
}

async function remove({ output }: Context, name: string): Promise<void> {
  const path = await configPath()
  const config = await readConfig(path)
  if (!Object.hasOwn(config.profiles, name)) throw usage(noProfile(config, name, path))
  const { [name]: _, ...profiles } = config.profiles
  const { profile, ...rest } = config
  await writeConfig(path, { ...rest, ...(profile === name || !profile ? {} : { profile }), profiles })
  output.note(`profile ${name} is gone`)
}
