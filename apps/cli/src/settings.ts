// Where the service is and who asks. Of each setting the first there is counts: option, environment, profile, default.
import { userInfo } from 'node:os'
import { usage } from './failure.js'
import type { Profile } from './profile.js'

/** The options that every command has. */
export interface GlobalOptions {
  readonly url?: string
  readonly token?: string
  readonly apiKey?: string
  readonly actor?: string
  readonly profile?: string
  /** Seconds, as they were written. */
  readonly timeout?: string
  readonly json?: boolean
  /** False with --no-color; commander sets it to true otherwise. */
  readonly color: boolean
  /** False with --no-pager. */
  readonly pager: boolean
}

export interface Identity {
  /** Goes as `Authorization: Bearer …`. */
  readonly token?: string
  /** Goes as `X-Api-Key`. */
  readonly apiKey?: string
  /** What the caller says they are; it counts only where the service does not find out itself. */
  readonly actor?: string
}

export interface Settings {
  /** The base URL, without a slash at its end. */
  readonly url: string
  /** Where the URL was found, for people: `--url`, `ASSISTANTS_URL`, `the profile work`. */
  readonly urlFrom: string
  readonly identity: Identity
  /** How long the service may take for one answer, beside what it is asked to wait. */
  readonly timeoutMs: number
  /** The name of the profile that was read, if any. */
  readonly profile?: string
  /** Where the log is, for the commands that read it themselves. */
  readonly log: LogPlace
}

export interface LogPlace {
  readonly dataDir?: string
  readonly eventstoreUrl?: string
  readonly project: string
}

export const DEFAULT_URL = 'http://127.0.0.1:8123'
const DEFAULT_PROJECT = 'default'
export const TIMEOUT_SECONDS = { least: 1, default: 10, most: 600 } as const

type Environment = Readonly<Record<string, string | undefined>>

/** A URL, and where it was found. */
export interface Located {
  readonly url: string
  readonly from: string
}

/**
 * @param running the stack of `npm start` that runs on this machine, if any: it comes before the default alone
 * @throws Failure for a value that cannot be meant
 */
export function settingsOf(
  options: Partial<GlobalOptions>,
  environment: Environment,
  found?: { readonly name: string; readonly profile: Profile },
  running?: Located & { readonly dataDir: string },
): Settings {
  const profile = found?.profile ?? {}
  const env = (name: string) => environment[name] || undefined
  const places = [
    { url: options.url, from: '--url' },
    { url: env('ASSISTANTS_URL'), from: 'ASSISTANTS_URL' },
    { url: profile.url, from: `the profile ${found?.name}` },
    { url: running?.url, from: running?.from ?? '' },
  ]
  const { url: text = DEFAULT_URL, from: urlFrom } = places.find(({ url }) => url !== undefined) ?? {
    from: 'the default, since nothing names another',
  }
  const url = urlOf(text)
  const identity = identityOf(options, env, url, profile)
  const eventstoreUrl = env('ASSISTANTS_EVENTSTORE_URL') ?? profile.eventstore_url
  const named = env('ASSISTANTS_DATA_DIR') ?? profile.data_dir
  // The log of another service than the one that is asked would be no answer.
  const own = eventstoreUrl === undefined && urlFrom === running?.from ? running.dataDir : undefined
  const dataDir = named ?? own
  const project = env('ASSISTANTS_PROJECT') ?? profile.project ?? DEFAULT_PROJECT
  return {
    url,
    urlFrom,
    identity,
    timeoutMs: timeoutOf(options.timeout ?? env('ASSISTANTS_TIMEOUT')),
    ...(found === undefined ? {} : { profile: found.name }),
    log: {
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(eventstoreUrl === undefined ? {} : { eventstoreUrl }),
      project,
    },
  }
}

/** What a profile has to show is for its own service alone: it is not sent to another one that --url names. */
function identityOf(
  options: Partial<GlobalOptions>,
  env: (name: string) => string | undefined,
  url: string,
  profile: Profile,
): Identity {
  const own = profile.url !== undefined && originOf(profile.url) === originOf(url) ? profile : {}
  const actor = options.actor ?? env('ASSISTANTS_ACTOR') ?? profile.actor ?? accountName()
  const said = actor === undefined ? {} : { actor }
  const shown = [
    { token: options.token, apiKey: options.apiKey },
    { token: env('ASSISTANTS_TOKEN'), apiKey: env('ASSISTANTS_API_KEY') },
    { token: own.token, apiKey: own.api_key },
  ].find(({ token, apiKey }) => token !== undefined || apiKey !== undefined)
  if (shown?.token !== undefined) return { ...said, token: headerText(shown.token, 'token') }
  if (shown?.apiKey !== undefined) return { ...said, apiKey: headerText(shown.apiKey, 'API key') }
  return said
}

/** The URL of a service, checked and without a slash at its end. @throws Failure */
export function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // A host and a port alone are a URL too, whose scheme is the host.
    const meant = !text.includes('://') && URL.canParse(`http://${text}`)
    const way = meant ? `write http://${text}` : `one is like ${DEFAULT_URL}`
    throw usage(`${JSON.stringify(text)} is no URL of a service; ${way}`)
  }
  if (url.username || url.password)
    throw usage('a URL with a user and a password is not taken; give --token or --api-key')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

const originOf = (url: string) => (URL.canParse(url) ? new URL(url).origin : undefined)

function headerText(secret: string, what: string): string {
  if (!/^[!-~]+$/.test(secret)) throw usage(`the ${what} has characters that no header can carry`)
  return secret
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_SECONDS.default * 1000
  const seconds = Number(text)
  const { least, most } = TIMEOUT_SECONDS
  if (!(seconds >= least && seconds <= most))
    throw usage(`--timeout is ${least} to ${most} seconds, not ${JSON.stringify(text)}`)
  return seconds * 1000
}

/** Recorded as who claims to have done it, where the service asks nobody. */
function accountName(): string | undefined {
  try {
    return userInfo().username || undefined
  } catch {
    // A user id without an account, as in some containers.
    return undefined
  }
}
