// What the service is told by its environment: read once, validated, frozen. A bad value stops the start with one
// line that names the variable.
import { resolve } from 'node:path'
import { LIVE } from '@assistant-ledger/assistant'
import { BadOption, type NatsAddress, natsAddress } from '@assistant-ledger/client'
import { LIMITS } from './limits.js'
import { type LineSettings, LOG_FORMATS, LOG_LEVELS } from './lines.js'

export interface Settings {
  readonly host: string
  readonly port: number
  /** Whether the port was asked for: then it is that one or none. */
  readonly portAsked: boolean
  /** What paths may begin with beside, `/api`; undefined: what langgraph.json says. */
  readonly mountPrefix: string | undefined
  /** Where the bus is, and as whom to connect. */
  readonly nats: NatsAddress
  /** Servers of a NATS cluster that keep each stream of the project. */
  readonly natsReplicas: number
  /** Absolute. Unused when grown. */
  readonly dataDir: string
  /** Where log and read models are when they have grown past one machine; undefined: both in `dataDir`. */
  readonly grown: Grown | undefined
  /** A namespace: `[a-z0-9_]{1,32}`. */
  readonly project: string
  /** In the order they were declared; `live` is always among them. */
  readonly environments: readonly string[]
  /** Absolute. */
  readonly langgraphJson: string
  /** Whether the file was asked for: then it has to be there. */
  readonly langgraphJsonAsked: boolean
  /** What system assistants begin with, as it was given; judged with the graphs that it is for. */
  readonly langgraphConfig: string | undefined
  /** What stands in LANGGRAPH_AUTH and LANGGRAPH_HTTP: each in place of that section of the file. */
  readonly langgraph: { readonly auth?: object; readonly http?: object }
  /** Takes a log that is behind what NATS has seen, once, as the truth from here on. */
  readonly acceptLogBehind: boolean
  /** An Ed25519 private key as PEM, or the file that holds it; undefined: one is made in `dataDir`. */
  readonly signingKey: string | undefined
  /** Whether each graph's system assistant is made where it is missing; not before an import brings it. */
  readonly systemAssistants: boolean
  readonly auth: AuthSettings
  readonly validation: ValidationSettings
}

/** What is done about contents that do not fit the schemas of their graph. */
export interface ValidationSettings {
  /** For what is created and updated; `warn` notes it. */
  readonly mode: (typeof VALIDATION_MODES)[number]
  /** Environments that nothing may enter that does not fit, whatever the mode. */
  readonly protectedEnvironments: ReadonlySet<string>
}
const VALIDATION_MODES = ['off', 'warn', 'enforce'] as const

/** Who may ask over HTTP. */
export interface AuthSettings {
  /** The one way in; undefined: whichever the manifest and the other settings name. */
  readonly way: AuthWay | undefined
  readonly jwt: JwtSettings | undefined
  /** Absolute. */
  readonly apiKeysFile: string | undefined
  /** With a module: whom LangGraph Studio may be, those with a key of the file, or anyone who says so. */
  readonly studio: (typeof STUDIO_WAYS)[number]
  /** With a module: reads and searches see system assistants whatever its filters say. */
  readonly seeSystemAssistants: boolean
}

/** `module`: the one that langgraph.json names; `tokens`: JWTs and API keys. */
export type AuthWay = (typeof AUTH_WAYS)[number]
const AUTH_WAYS = ['none', 'module', 'tokens'] as const
const STUDIO_WAYS = ['keys', 'open'] as const

/** Whose tokens are taken. */
export interface JwtSettings {
  readonly issuer: string
  readonly audience: string
  /** Where the issuer's keys are, as a JWK set. */
  readonly jwksUrl: string
  /** The claim that has the roles; dots lead into objects. */
  readonly rolesClaim: string
}

/** Connection strings of the servers that keep log and read models. */
export interface Grown {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
}

/** A setting has a value that cannot be used; the message is one line for the person who set it. */
export class BadSetting extends Error {
  override readonly name = 'BadSetting'
}

/** @throws BadSetting */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const port = portOf(env, 'PORT', 8123)
  const natsPort = portOf(env, 'NATS_PORT', 4222)
  const environments = environmentsOf(env.ENVIRONMENTS || 'live,staging')
  const settings: Settings = {
    host: env.HOST || '127.0.0.1',
    port,
    portAsked: Boolean(env.PORT),
    mountPrefix: mountPrefixOf(env),
    nats: natsOf(env, `nats://127.0.0.1:${natsPort}`),
    natsReplicas: natsReplicasOf(env),
    dataDir: resolve(env.DATA_DIR || './data'),
    grown: grownOf(env),
    project: projectOf(env.PROJECT || 'default'),
    environments: Object.freeze(environments),
    langgraphJson: resolve(env.LANGGRAPH_JSON || './langgraph.json'),
    langgraphJsonAsked: Boolean(env.LANGGRAPH_JSON),
    langgraphConfig: env.LANGGRAPH_CONFIG || undefined,
    langgraph: Object.freeze(sectionsOf(env)),
    acceptLogBehind: yesOrNo(env, 'ACCEPT_LOG_BEHIND'),
    signingKey: env.LEDGER_SIGNING_KEY || undefined,
    systemAssistants: yesOrNo(env, 'SYSTEM_ASSISTANTS', 'yes'),
    auth: authOf(env),
    validation: Object.freeze({
      mode: oneOf(env, 'CONTEXT_VALIDATION', VALIDATION_MODES, 'warn'),
      protectedEnvironments: protectedOf(env.PROTECTED_ENVIRONMENTS || '', environments),
    }),
  }
  return Object.freeze(settings)
}

function sectionsOf(env: NodeJS.ProcessEnv): Settings['langgraph'] {
  const [auth, http] = [objectOf(env, 'LANGGRAPH_AUTH'), objectOf(env, 'LANGGRAPH_HTTP')]
  return { ...(auth && { auth }), ...(http && { http }) }
}

/** JSON in a variable; what is in the object is judged where it is used. */
function objectOf(env: NodeJS.ProcessEnv, name: string): object | undefined {
  const text = env[name]
  if (!text) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new BadSetting(`${name} is no JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadSetting(`${name} is JSON, but no object`)
  return value
}

function mountPrefixOf({ MOUNT_PREFIX: text }: NodeJS.ProcessEnv): string | undefined {
  if (!text) return undefined
  const prefix = prefixOf(text)
  if (prefix === undefined)
    throw new BadSetting(`MOUNT_PREFIX is ${JSON.stringify(text)}, but has to be like "/api"`)
  return prefix
}

/** A path to begin others with, without the slash at its end; undefined for what is none. */
export const prefixOf = (text: string): string | undefined =>
  /^(\/[\w.~-]+)*\/?$/.test(text) ? text.replace(/\/$/, '') : undefined

/** Log and read models grow together: a log that replicas share needs a read database that they share. */
function grownOf({ EVENTSTORE_URL, DATABASE_URL }: NodeJS.ProcessEnv): Grown | undefined {
  if (!EVENTSTORE_URL && !DATABASE_URL) return undefined
  if (!DATABASE_URL)
    throw new BadSetting(
      'EVENTSTORE_URL is set without DATABASE_URL: set both, or neither for files in DATA_DIR',
    )
  if (!EVENTSTORE_URL)
    throw new BadSetting(
      'DATABASE_URL is set without EVENTSTORE_URL: set both, or neither for files in DATA_DIR',
    )
  const eventStoreUrl = urlOf('EVENTSTORE_URL', EVENTSTORE_URL, EVENT_STORE_SCHEMES, 'esdb://')
  const databaseUrl = urlOf('DATABASE_URL', DATABASE_URL, DATABASE_SCHEMES, 'postgres://')
  return Object.freeze({ eventStoreUrl, databaseUrl })
}

const EVENT_STORE_SCHEMES = /^(esdb|kurrentdb)(\+discover)?:\/\/./
const DATABASE_SCHEMES = /^postgres(ql)?:\/\/./

/** The value itself may hold a password, so it is not repeated. */
function urlOf(name: string, text: string, schemes: RegExp, example: string): string {
  if (!schemes.test(text)) throw new BadSetting(`${name} has to be a URL that begins with ${example}`)
  // EventStoreDB's may name several hosts, and its adapter reads it; the other is a URL like any.
  if (name === 'DATABASE_URL' && !URL.canParse(text))
    throw new BadSetting(`${name} is no URL: look at its port`)
  return text
}

function authOf(env: NodeJS.ProcessEnv): AuthSettings {
  const way = env.AUTH ? oneOf(env, 'AUTH', AUTH_WAYS, 'none') : undefined
  const jwt = jwtOf(env)
  const apiKeysFile = env.API_KEYS_FILE ? resolve(env.API_KEYS_FILE) : undefined
  if (way === 'tokens' && !jwt && !apiKeysFile)
    throw new BadSetting('AUTH is tokens, but neither AUTH_ISSUER nor API_KEYS_FILE is set')
  if (way === 'none' && (jwt || apiKeysFile))
    throw new BadSetting(`AUTH is none, but ${jwt ? 'AUTH_ISSUER' : 'API_KEYS_FILE'} is set`)
  if (way === 'module' && jwt) throw new BadSetting('AUTH is module, but AUTH_ISSUER is set')
  const studio = oneOf(env, 'STUDIO_AUTH', STUDIO_WAYS, 'keys')
  const seeSystemAssistants = yesOrNo(env, 'SEE_SYSTEM_ASSISTANTS')
  return Object.freeze({ way, jwt, apiKeysFile, studio, seeSystemAssistants })
}

const JWT_VARIABLES = ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL'] as const

function jwtOf(env: NodeJS.ProcessEnv): JwtSettings | undefined {
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_JWKS_URL: jwksUrl } = env
  const set = JWT_VARIABLES.filter((name) => env[name])
  if (set.length === 0) return undefined
  const missing = JWT_VARIABLES.find((name) => !env[name])
  if (!issuer || !audience || !jwksUrl)
    throw new BadSetting(`${set[0]} is set without ${missing}: all of ${JWT_VARIABLES.join(', ')} are needed`)
  // Whoever can change the keys on their way is every user.
  const url = URL.canParse(jwksUrl) ? new URL(jwksUrl) : undefined
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url.hostname)))
    throw new BadSetting(
      `AUTH_JWKS_URL is ${JSON.stringify(jwksUrl)}, but has to begin with https://, or http:// on this machine`,
    )
  return Object.freeze({ issuer, audience, jwksUrl, rolesClaim: env.AUTH_ROLES_CLAIM || 'roles' })
}

/** Whether only this machine reaches an address. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host)

/** How lines are written: read before everything else, since what is wrong with the rest is said in a line. @throws BadSetting */
export function readLineSettings(env: NodeJS.ProcessEnv): LineSettings {
  return {
    format: oneOf(env, 'LOG_FORMAT', LOG_FORMATS, 'text'),
    level: oneOf(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
  }
}

function oneOf<T extends string>(
  env: NodeJS.ProcessEnv,
  name: string,
  values: readonly T[],
  otherwise: T,
): T {
  const text = env[name] || otherwise
  const found = values.find((value) => value === text)
  if (found === undefined)
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be one of ${values.join(', ')}`)
  return found
}

function portOf(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name] || String(otherwise)
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be a port from 1 to 65535`)
  return port
}

/** JetStream keeps a stream on an odd number of servers, at most five. */
function natsReplicasOf({ NATS_REPLICAS }: NodeJS.ProcessEnv): number {
  const text = NATS_REPLICAS || '1'
  if (!/^[135]$/.test(text))
    throw new BadSetting(`NATS_REPLICAS is ${JSON.stringify(text)}, but has to be 1, 3 or 5`)
  return Number(text)
}

function natsOf(env: NodeJS.ProcessEnv, otherwise: string): NatsAddress {
  try {
    return natsAddress(env, otherwise)
  } catch (error) {
    throw error instanceof BadOption ? new BadSetting(error.message) : error
  }
}

function projectOf(text: string): string {
  if (!/^[a-z0-9_]{1,32}$/.test(text))
    throw new BadSetting(`PROJECT is ${JSON.stringify(text)}, but has to match [a-z0-9_]{1,32}`)
  return text
}

function environmentsOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  const all = [...new Set(names.includes(LIVE) ? names : [LIVE, ...names])]
  if (all.length > LIMITS.environments)
    throw new BadSetting(`ENVIRONMENTS names ${all.length} environments; at most ${LIMITS.environments}`)
  const bad = all.find((name) => !/^[\x21-\x7e]+$/.test(name) || name.length > LIMITS.environmentName)
  if (bad !== undefined)
    throw new BadSetting(
      `ENVIRONMENTS has the name ${JSON.stringify(bad)}, but a name has 1 to ${LIMITS.environmentName} printable characters`,
    )
  return all
}

function protectedOf(text: string, environments: readonly string[]): ReadonlySet<string> {
  const names = text.split(',').flatMap((name) => name.trim() || [])
  const unknown = names.find((name) => !environments.includes(name))
  if (unknown !== undefined)
    throw new BadSetting(
      `PROTECTED_ENVIRONMENTS names ${JSON.stringify(unknown)}, but ENVIRONMENTS has only ${environments.join(', ')}`,
    )
  return new Set(names)
}

function yesOrNo(env: NodeJS.ProcessEnv, name: string, otherwise: 'yes' | 'no' = 'no'): boolean {
  const text = env[name] || otherwise
  if (text !== 'yes' && text !== 'no')
    throw new BadSetting(`${name} is ${JSON.stringify(text)}, but has to be yes or no`)
  return text === 'yes'
}
