// An auth module at work: it says who asks, and one handler for each call, the most specific, says whether that may be
// done and what may be seen. Results, statuses and what goes unsaid are as in LangGraph's servers; what a handler
// returns that is no answer opens nothing.
import type { JsonObject } from '@assistant-ledger/assistant'
import { BadFilter, readFilter } from '@assistant-ledger/read-model'
import { warn } from '../lines.js'
import { actorOf } from './actor.js'
import {
  type Action,
  type Authorized,
  type Authorizer,
  type Filter,
  HttpRefusal,
  type Identity,
} from './authorizer.js'
import { AUTH_LIMITS } from './limits.js'
import type { LoadedAuth } from './load.js'
import { messageOf } from './message.js'
import type { Remembered } from './remembered.js'
import { within } from './within.js'

/** Whether a request of LangGraph Studio is let in as its user; `undefined`: the module is asked as for any other. */
export type Studio = ((request: Request) => Promise<void>) | undefined

const RESOURCE = 'assistants'

const STUDIO_USER = {
  kind: 'StudioUser',
  display_name: 'langgraph-studio-user',
  identity: 'langgraph-studio-user',
  permissions: [],
  is_authenticated: true,
} as const

export class ModuleAuthorizer implements Authorizer {
  constructor(
    private readonly auth: LoadedAuth,
    private readonly studio: Studio,
    private readonly remembered?: Remembered,
  ) {}

  async authenticate(request: Request): Promise<Identity> {
    if (this.studio && request.headers.get('x-auth-scheme') === 'langsmith') {
      await this.studio(request)
      return identityOf(STUDIO_USER)
    }
    const key = this.remembered?.keyOf(request)
    const known = key === undefined ? undefined : this.remembered?.get(key)
    if (known !== undefined) return identityOf(known)
    const user = await this.ask(request)
    const identity = identityOf(user)
    if (key !== undefined) this.remembered?.keep(key, user)
    return identity
  }

  private async ask(request: Request): Promise<unknown> {
    try {
      return await answered(async () => this.auth['~handlerCache'].authenticate?.(request))
    } catch (error) {
      // What a check of a token throws means that it did not pass.
      throw asRefusal(error, () => {
        warn(`the auth module's authenticate() failed: ${lineOf(error)}`)
        return new HttpRefusal(401, 'Unauthorized')
      })
    }
  }

  async authorize(identity: Identity, action: Action, given: JsonObject): Promise<Authorized> {
    const callbacks = this.auth['~handlerCache'].callbacks ?? {}
    const event = `${RESOURCE}:${action}`
    const handler = [event, RESOURCE, `*:${action}`, '*']
      .map((key) => (Object.hasOwn(callbacks, key) ? callbacks[key] : undefined))
      .find((callback) => callback !== undefined)
    if (!handler) return { value: given, filter: undefined }
    const { user, permissions } = identity
    // A copy: a handler that is refused afterwards must have changed nothing.
    const value = structuredClone(given)
    let result: unknown
    try {
      result = await answered(async () =>
        handler({ event, resource: RESOURCE, action, value, user, permissions: [...permissions] }),
      )
    } catch (error) {
      throw asRefusal(error, () => {
        if ((error as { code?: unknown } | undefined)?.code === 'ERR_ASSERTION')
          return new HttpRefusal(403, lineOf(error))
        return defect(event, lineOf(error))
      })
    }
    return { value: stamped(value, event), filter: filterIn(result, event) }
  }
}

function identityOf(answer: unknown): Identity {
  const user = userOf(answer)
  if (!user) throw new HttpRefusal(401, 'Unauthorized')
  return { actor: actorOf(user.identity), permissions: user.permissions, user }
}

/** The user as handlers are given it: what the module returned, with what it left out. */
function userOf(answer: unknown) {
  if (typeof answer === 'string')
    return { identity: answer, display_name: answer, permissions: [], is_authenticated: true }
  if (typeof answer !== 'object' || answer === null) return undefined
  const { identity, display_name, is_authenticated, permissions } = answer as Record<string, unknown>
  if (typeof identity !== 'string' || is_authenticated === false) return undefined
  return {
    ...answer,
    identity,
    permissions: Array.isArray(permissions) ? permissions.filter((one) => typeof one === 'string') : [],
    is_authenticated: true,
    display_name: typeof display_name === 'string' ? display_name : identity,
  }
}

/** @throws HttpRefusal */
function filterIn(result: unknown, event: string): Filter | undefined {
  if (result === undefined || result === null || result === true) return undefined
  if (result === false) throw new HttpRefusal(403, 'Forbidden')
  if (typeof result !== 'object') throw defect(event, `it returned a ${typeof result}`)
  try {
    readFilter(result as Filter)
    return result as Filter
  } catch (error) {
    throw error instanceof BadFilter ? defect(event, error.message) : error
  }
}

/** The value as it was left, if that is JSON. @throws HttpRefusal 500 */
function stamped(value: JsonObject, event: string): JsonObject {
  try {
    return JSON.parse(JSON.stringify(value)) as JsonObject
  } catch (error) {
    throw defect(event, `it left a value that is no JSON (${lineOf(error)})`)
  }
}

function defect(event: string, what: string): HttpRefusal {
  warn(`the auth module's handler of ${event} failed: ${what}`)
  return new HttpRefusal(500, 'The handler of the auth module failed')
}

const answered = <T>(ask: () => Promise<T>): Promise<T> =>
  within(AUTH_LIMITS.handler_ms, ask(), () => {
    warn(`the auth module did not answer within ${AUTH_LIMITS.handler_ms} ms`)
    return new HttpRefusal(503, 'Who asks and what they may could not be found out in time')
  })

/** Of the connection, not of the refusal; the body is ours. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'transfer-encoding',
])

/** The SDK's HTTPException, of whichever copy of it: an error with a status and headers. */
function asRefusal(error: unknown, otherwise: () => HttpRefusal): HttpRefusal {
  if (error instanceof HttpRefusal) return error
  if (typeof error !== 'object' || error === null || !('status' in error) || !('headers' in error))
    return otherwise()
  const { status, headers } = error as { status: unknown; headers: unknown }
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599)
    return otherwise()
  return new HttpRefusal(status, lineOf(error), headersOf(headers))
}

function headersOf(headers: unknown): Record<string, string> {
  try {
    const read = new Headers((headers ?? {}) as Record<string, string>)
    return Object.fromEntries([...read].filter(([name]) => !NOT_TAKEN.has(name)))
  } catch {
    return {}
  }
}

/** A line of it, which is told to whoever asks. */
const lineOf = (error: unknown): string => messageOf(error).split('\n', 1)[0]?.slice(0, 1000) || 'Forbidden'
