// The routes of the service, and what is sent to them. Field names are those of the LangGraph API.
import type { JsonObject } from '@assistant-ledger/assistant'
import { defined } from '../defined.js'
import type { Answer, Order, Service } from './service.js'
import type {
  Assistant,
  Content,
  EnvironmentPointer,
  OneVersion,
  Runner,
  Standing,
  Version,
} from './shapes.js'

export interface Search {
  readonly metadata?: JsonObject
  readonly graph_id?: string
  readonly name?: string
  readonly sort_by?: string
  readonly sort_order?: string
  readonly select?: readonly string[]
}

/** What tells an answer with an assistant from anything else. */
const ASSISTANT = ['assistant_id', 'version', 'config', 'context', 'metadata'] as const

/** The most that one page of a search may have. */
export const PAGE = 1_000

const pathOf = (id: string) => `/assistants/${encodeURIComponent(id)}`

/** The revision of an answer's assistant, for If-Match; undefined where it has none. */
export function revisionOf({ headers }: Answer): string | undefined {
  return (
    /^(?:W\/)?"(\d+)"$/.exec(headers.get('etag') ?? '')?.[1] ?? headers.get('ledger-revision') ?? undefined
  )
}

export const getAssistant = (service: Service, id: string, environment = 'live', what?: string) =>
  service.ask<Assistant>('GET', pathOf(id), {
    query: { environment },
    ...defined({ what }),
    expects: ASSISTANT,
  })

/** @param at an ISO time, or a position of the log as a decimal */
export const getAssistantAt = (
  service: Service,
  id: string,
  at: string,
  environment = 'live',
  what?: string,
) =>
  service.ask<Assistant>('GET', pathOf(id), {
    query: { environment, at },
    ...defined({ what }),
    expects: ASSISTANT,
  })

export const getVersion = (service: Service, id: string, version: number, generation?: number) =>
  service.ask<OneVersion>('GET', `${pathOf(id)}/versions/${version}`, {
    query: { generation },
    expects: ASSISTANT,
  })

export const listVersions = (service: Service, id: string, limit: number, offset = 0) =>
  service.ask<Version[]>('POST', `${pathOf(id)}/versions`, {
    body: { limit, offset },
    expects: 'list',
  })

export const listEnvironments = (service: Service, id: string) =>
  service.ask<EnvironmentPointer[]>('GET', `${pathOf(id)}/environments`, { expects: 'list' })

/** @param at a revision of a promotion, or a time; the present promotion when absent */
export const getStanding = (
  service: Service,
  id: string,
  query: { readonly environment?: string; readonly revision?: number; readonly at?: string } = {},
) =>
  service.ask<Standing>('GET', `${pathOf(id)}/receipts`, {
    query,
    expects: ['version', 'active', 'rejected', 'lagging'],
  })

/** All that match, page by page, in the order asked for. @param most ends after that many */
export async function* searchAssistants(
  service: Service,
  search: Search,
  most = Number.POSITIVE_INFINITY,
  from = 0,
): AsyncGenerator<Assistant> {
  let left = most
  for (let offset = from; left > 0; ) {
    const limit = Math.min(PAGE, left)
    const { body, headers } = await service.ask<Assistant[]>('POST', '/assistants/search', {
      body: { ...search, limit, offset },
      expects: 'list',
    })
    yield* body
    left -= body.length
    const next = headers.get('x-pagination-next')
    if (next === null || body.length === 0) return
    offset = Number(next)
  }
}

export interface Creation extends Partial<Omit<Content, 'description'>> {
  readonly graph_id: string
  readonly assistant_id?: string
  readonly description?: string
  readonly if_exists?: 'raise' | 'do_nothing'
}

export const createAssistant = (service: Service, body: Creation, order: Order = {}) =>
  service.order<Assistant>('POST', '/assistants', { what: 'create', ...order, body, expects: ASSISTANT })

/** How an order waits for the runners. */
export interface Wait {
  readonly wait?: 'converged'
  readonly wait_ms?: number
}

export interface Placing extends Wait {
  /** False: the new version is in no environment yet. */
  readonly promote?: boolean
  readonly promote_to?: string
}

export type Patch = Partial<Omit<Content, 'description'> & { readonly description: string }>

export const updateAssistant = (
  service: Service,
  id: string,
  body: Patch,
  placing: Placing = {},
  order: Order = {},
) =>
  service.order<Assistant>('PATCH', pathOf(id), {
    what: 'update',
    ...order,
    body,
    expects: ASSISTANT,
    query: { ...placing },
    ...waiting(placing),
  })

export interface Promotion extends Wait {
  readonly version?: number
  readonly from?: string
  readonly environment?: string
  readonly replaces?: number
  readonly guard?: JsonObject
}

export const promoteAssistant = (service: Service, id: string, body: Promotion, order: Order = {}) =>
  service.order<Assistant>('POST', `${pathOf(id)}/latest`, {
    what: 'promote',
    ...order,
    body,
    expects: ASSISTANT,
    ...waiting(body),
  })

export const rollBackAssistant = (
  service: Service,
  id: string,
  body: Pick<Promotion, 'environment' | 'replaces'> & Wait,
  order: Order = {},
) =>
  service.order<Assistant>('POST', `${pathOf(id)}/rollback`, {
    what: 'rollback',
    ...order,
    body,
    expects: ASSISTANT,
    ...waiting(body),
  })

export const deleteAssistant = (service: Service, id: string, order: Order = {}) =>
  service.order<undefined>('DELETE', pathOf(id), { what: 'delete', ...order })

export const listRunners = (
  service: Service,
  query: {
    readonly runner?: string
    readonly gone?: boolean
    readonly limit?: number
    readonly offset?: number
  } = {},
) => service.ask<Runner[]>('GET', '/fleet', { query, expects: 'list' })

const waiting = ({ wait, wait_ms }: Wait) => (wait && wait_ms !== undefined ? { waitMs: wait_ms } : {})
