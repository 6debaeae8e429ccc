// The config file: profiles by name, each with a service and who one is there. YAML, because people edit it.
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { clause, Failure, unreadable, usage } from './failure.js'

/** What a profile may hold; every field may be absent. */
export interface Profile {
  readonly url?: string
  readonly token?: string
  readonly api_key?: string
  readonly actor?: string
  /** Where the log is, for the commands that read it themselves: of an embedded installation, … */
  readonly data_dir?: string
  /** … or of EventStoreDB. */
  readonly eventstore_url?: string
  readonly project?: string
}

export const PROFILE_FIELDS = [
  'url',
  'token',
  'api_key',
  'actor',
  'data_dir',
  'eventstore_url',
  'project',
] as const satisfies readonly (keyof Profile)[]

/** The fields that are not shown to anybody. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set(['token', 'api_key', 'eventstore_url'])

export interface ConfigFile {
  /** The profile that counts when none is named. */
  readonly profile?: string
  readonly profiles: Readonly<Record<string, Profile>>
}

const EMPTY: ConfigFile = { profiles: {} }
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** `ASSISTANTS_CONFIG`, else `assistants/config.yaml` in the user's place for settings (XDG_CONFIG_HOME). */
export async function configPath(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (environment.ASSISTANTS_CONFIG) return environment.ASSISTANTS_CONFIG
  const { default: envPaths } = await import('env-paths')
  return `${envPaths('assistants', { suffix: '' }).config}/config.yaml`
}

/** An absent file is one without profiles. @throws Failure for one that cannot be read */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
    throw unreadable(path, error)
  }
  const { parse } = await import('yaml')
  try {
    return checked(parse(text, { logLevel: 'error' }))
  } catch (error) {
    throw usage(
      `the config file ${path} cannot be used: ${clause((error as Error).message.split('\n', 1)[0] ?? '')}; mend it, or name another with ASSISTANTS_CONFIG`,
    )
  }
}

/** Owner-only, and whole or not at all: it may hold a token. */
export async function writeConfig(path: string, config: ConfigFile): Promise<void> {
  const { stringify } = await import('yaml')
  const beside = `${path}.${process.pid}.new`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(beside, stringify(config), { mode: 0o600 })
    await chmod(beside, 0o600)
    await rename(beside, path)
  } catch (error) {
    throw new Failure(`the config file cannot be written: ${(error as Error).message}`)
  }
}

/** The profile that is meant: the one that is named, else the one in use, if any. @throws Failure */
export function profileOf(
  config: ConfigFile,
  named: string | undefined,
  path: string,
): { readonly name: string; readonly profile: Profile } | undefined {
  const name = named ?? config.profile
  if (name === undefined) return undefined
  const profile = Object.hasOwn(config.profiles, name) ? config.profiles[name] : undefined
  if (profile === undefined) throw usage(noProfile(config, name, path))
  return { name, profile }
}

export function noProfile(config: ConfigFile, name: string, path: string): string {
  const names = Object.keys(config.profiles)
  const there = names.length > 0 ? `it has ${names.join(', ')}` : 'it has none'
  return `there is no profile ${JSON.stringify(name)} in ${path}: ${there}; make it with: assistants profile set ${name} --url …`
}

/** Whether others may read a file that holds something secret. */
export async function isExposed(path: string, config: ConfigFile): Promise<boolean> {
  if (process.platform === 'win32') return false
  const secret = Object.values(config.profiles).some((profile) =>
    Object.keys(profile).some((field) => SECRET_FIELDS.has(field)),
  )
  return secret && ((await stat(path)).mode & 0o077) !== 0
}

/** @throws Failure for a name that a shell or a file could not hold as it is */
export function checkName(name: string): string {
  if (!NAME.test(name))
    throw usage(`a profile's name has 1 to 64 letters, digits, dots, dashes; not ${JSON.stringify(name)}`)
  return name
}

function checked(value: unknown): ConfigFile {
  if (value === null || value === undefined) return EMPTY
  const { profile, profiles = {}, ...others } = objectIn(value, 'the file')
  refuseOthers(others, 'the file', 'profile, profiles')
  if (profile !== undefined && typeof profile !== 'string') throw new Error('profile must be a name')
  const read: Record<string, Profile> = {}
  for (const [name, fields] of Object.entries(objectIn(profiles ?? {}, 'profiles'))) {
    const here = `profiles.${name}`
    const own = objectIn(fields ?? {}, here)
    const unknown = Object.keys(own).filter((field) => !(PROFILE_FIELDS as readonly string[]).includes(field))
    refuseOthers(Object.fromEntries(unknown.map((field) => [field, 0])), here, PROFILE_FIELDS.join(', '))
    for (const [field, given] of Object.entries(own))
      if (typeof given !== 'string') throw new Error(`${here}.${field} must be text`)
    read[name] = own as Profile
  }
  return { ...(profile === undefined ? {} : { profile }), profiles: read }
}

function objectIn(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${where} must have named fields`)
  return value as Record<string, unknown>
}

function refuseOthers(others: object, where: string, known: string): void {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new Error(`${where} has ${unknown}, which is none of ${known}`)
}
