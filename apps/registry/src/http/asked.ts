// A request of the API as a route sees it: its fields, read from body, query and path into the very request that the bus
// has for it, who asks, and what they may.
import { type Actor, type JsonObject, type JsonValue, refuse } from '@assistant-ledger/assistant'
import type { FastifyRequest } from 'fastify'
import {
  type Action,
  type Authorizer,
  type Filter,
  HttpRefusal,
  type Identity,
  OPEN,
} from '../auth/authorizer.js'
import { ADMIN } from '../auth/roles.js'
import { RefusalError } from '../bus/contract.js'
import type { Sent } from '../commands/commands.js'
import { commandOf, fieldsOf, invalid, type RequestClass, readRequest } from '../envelope.js'
import { gather, type Headers, minPosition, senderOf } from '../headers.js'
import type { Services } from '../registry.module.js'
import { readBody } from './body.js'

/** How the text of a query option is read; what does not fit stays text, and its field says what it must be. */
type Kind = 'text' | 'integer' | 'boolean'
export type Options = Readonly<Record<string, Kind>>

export interface Where {
  /** The fields that are read from the body; what else is in it is ignored, as the platform does. */
  readonly body?: readonly string[] | 'all'
  /** The fields that an option of the query may give, unless the body did. */
  readonly query?: Options
  /** The fields that the path gives. */
  readonly path?: Readonly<Record<string, JsonValue>>
}

export interface Read<T> {
  readonly request: T
  /** What was sent, under the bus's names and without the assistant id: what a retry is compared by. */
  readonly received: JsonObject
}

export class Asked {
  constructor(
    private readonly http: FastifyRequest,
    readonly services: Services,
    private readonly authorizer: Authorizer,
    private readonly identity: Identity,
  ) {}

  /** The assistant that the path names, as it was sent. */
  get id(): string {
    return this.part('assistant_id')
  }

  part(name: string): string {
    return (this.http.params as Readonly<Record<string, string>>)[name] ?? ''
  }

  /** The body, an object of any fields. @throws RefusalError */
  get body(): Readonly<Record<string, unknown>> {
    return readBody(this.http.body)
  }

  get query(): Readonly<Record<string, unknown>> {
    return this.http.query as Readonly<Record<string, unknown>>
  }

  /** A header of which there is one. */
  header(name: string): string | undefined {
    const value = this.http.headers[name]
    return typeof value === 'string' ? value : undefined
  }

  /** @throws RefusalError `invalid-request` naming the field */
  read<T extends object>(type: RequestClass<T>, where: Where): Read<T> {
    const { body, query, path } = where
    const fields: Record<string, JsonValue> = {}
    if (body !== undefined) {
      const sent = readBody(this.http.body)
      for (const name of body === 'all' ? fieldsOf(type) : body)
        if (Object.hasOwn(sent, name)) fields[name] = sent[name] as JsonValue
    }
    if (query !== undefined)
      for (const name in query)
        if (!Object.hasOwn(fields, name) && Object.hasOwn(this.query, name))
          fields[name] = optionOf(this.query[name], query[name] as Kind)
    return { request: readRequest(type, { ...fields, ...path }), received: commandOf(fields) }
  }

  /** A request of a route with an assistant in its path. */
  readOf<T extends object>(type: RequestClass<T>, where: Where = {}): Read<T> {
    return this.read(type, { ...where, path: { ...where.path, assistant_id: this.id } })
  }

  /** Who asks. */
  get actor(): Actor {
    return this.identity.actor
  }

  /** What comes with a command beside its fields. */
  sent(received: JsonObject, visible?: Filter): Sent {
    const sender = senderOf(this.headers, this.identity.actor)
    return { sender, received, ...(visible === undefined ? {} : { visible }) }
  }

  /**
   * Whether the asker may, and what they may see.
   * @throws HttpRefusal 403, or what an auth module threw
   */
  async may(action: Action, value: Readonly<Record<string, unknown>>): Promise<Allowed> {
    const given = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
    const { value: left, filter } = await this.authorizer.authorize(
      this.identity,
      action,
      given as JsonObject,
    )
    return { metadata: metadataOf(left), visible: filter }
  }

  /**
   * What concerns the log as a whole is for who has the role `admin`, whatever handlers say of assistants.
   * @throws HttpRefusal 403
   */
  mayAdminister(): void {
    if (this.authorizer === OPEN || this.identity.permissions.includes(ADMIN)) return
    throw new HttpRefusal(403, `This takes the role ${ADMIN}`)
  }

  /** Waits for the position that the answer must not be older than, if there is one. */
  async reached(): Promise<void> {
    if (this.http.headers['ledger-min-position'] === undefined) return
    const position = minPosition(this.headers)
    if (position !== undefined) await this.services.queries.reached(position)
  }

  /** @throws RefusalError `invalid-request` */
  private get headers(): Headers {
    const gathered = gather(distinct(this.http))
    if (!gathered.ok)
      throw new RefusalError(refuse('invalid-request', gathered.detail, { field: gathered.field }))
    const { headers } = gathered
    // Any revision will do, which is what no condition says.
    if (headers.get('if-match')?.trim() !== '*') return headers
    return new Map([...headers].filter(([name]) => name !== 'if-match'))
  }
}

export interface Allowed {
  /** As the handlers left it: they stamp what is written, and narrow what is searched. */
  readonly metadata: JsonObject | undefined
  readonly visible: Filter | undefined
}

/** @throws TypeError a defect of the auth module */
function metadataOf({ metadata }: JsonObject): JsonObject | undefined {
  if (metadata === undefined || metadata === null) return undefined
  if (typeof metadata !== 'object' || Array.isArray(metadata))
    throw new TypeError('an auth handler made metadata something other than an object')
  return metadata as JsonObject
}

function* distinct({ raw }: FastifyRequest): Generator<[string, readonly string[]]> {
  for (const [name, values] of Object.entries(raw.headersDistinct)) yield [name, values ?? []]
}

function optionOf(sent: unknown, kind: Kind): JsonValue {
  // An option that is there twice is a list, which is no value of any kind.
  if (typeof sent !== 'string') return sent as JsonValue
  switch (kind) {
    case 'text':
      return sent
    case 'integer':
      return integerOf(sent) ?? sent
    case 'boolean':
      return booleanOf(sent) ?? sent
    default:
      return kind satisfies never
  }
}

export const integerOf = (text: string): number | undefined =>
  /^-?\d{1,15}$/.test(text) ? Number(text) : undefined

export function booleanOf(text: string): boolean | undefined {
  if (/^(true|1)$/i.test(text)) return true
  return /^(false|0)$/i.test(text) ? false : undefined
}

/** A part of the path that has to be a number. */
export function numberIn(text: string, name: string): number {
  const number = integerOf(text)
  if (number === undefined) throw invalid(`${name} must be an integer`, name)
  return number
}
