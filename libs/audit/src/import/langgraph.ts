// The assistants of a LangGraph server with all their versions, over its public API, a page at a time.
import { isDeepStrictEqual } from 'node:util'
import { systemAssistantId } from '@assistant-ledger/assistant'
import { ChangedThere, type Source, SourceServer } from './source-server.js'

/** Of one page. LangGraph's servers give at most 1,000. */
const PAGE = 100
/** Versions are asked for and sent in pages of their own: each may have 512 KiB. */
const VERSIONS_PAGE = 20
/** What a version holds. */
const CONTENT = ['graph_id', 'name', 'description', 'config', 'context', 'metadata'] as const

/** A version as the API shows it; `created_at` is when it was made. */
export interface ApiVersion {
  readonly assistant_id: string
  readonly version: number
  readonly created_at: string
  readonly [field: string]: unknown
}

/** What goes to the service of one assistant: a page of its versions, and with the last one what is live. */
export interface AssistantPart {
  readonly from: string
  readonly assistant_id: string
  readonly versions: readonly ApiVersion[]
  readonly live?: { readonly version: number; readonly updated_at: string }
}

interface ApiAssistant extends ApiVersion {
  readonly graph_id: string
  readonly name?: string
  readonly metadata?: { readonly created_by?: unknown }
  readonly updated_at: string
}

export interface FromServer extends Source {
  /** Where they go to: system assistants have other ids in other projects. */
  readonly project: string
}

/** An assistant that is there, and its parts in their order. */
export interface Found {
  readonly id: string
  readonly name: string
  /**
   * @param onMixed told the fields in which what is live there is not the version that it says it is: LangGraph's servers
   * leave some as they were when they go back to one
   */
  parts(onMixed?: (version: number, fields: readonly string[]) => void): AsyncGenerator<AssistantPart>
}

/** @throws NoSuchServer it is none, or had no answer however often it was asked */
export async function* assistantsOf(server: FromServer): AsyncGenerator<Found> {
  const source = new SourceServer(server)
  for (let offset = 0; ; offset += PAGE) {
    // In the order of their making, so that what is made meanwhile comes last. The in-memory server has its own order,
    // newest first: one that is made meanwhile moves the others on, and some are given twice, which changes nothing.
    const query = { limit: PAGE, offset, sort_by: 'created_at', sort_order: 'asc' }
    const page = await source.ask<ApiAssistant>('/assistants/search', query)
    for (const assistant of page) {
      const id = idHere(assistant, server.project)
      const name = assistant.name ?? assistant.assistant_id
      yield { id, name, parts: (onMixed) => partsOf(source, assistant, id, onMixed) }
    }
    if (page.length < PAGE) return
  }
}

async function* partsOf(
  source: SourceServer,
  assistant: ApiAssistant,
  id: string,
  onMixed?: (version: number, fields: readonly string[]) => void,
): AsyncGenerator<AssistantPart> {
  const { assistant_id, version, updated_at } = assistant
  const { from } = source
  // Newest first is how they come; oldest first is how they are recorded.
  const path = `/assistants/${assistant_id}/versions`
  const [newest] = await source.ask<ApiVersion>(path, { limit: 1, offset: 0 })
  const count = newest?.version ?? 0
  for (let done = 0; done < count; ) {
    const limit = Math.min(VERSIONS_PAGE, count - done)
    const page = await source.ask<ApiVersion>(path, { limit, offset: count - done - limit })
    const versions = page.toSorted((a, b) => a.version - b.version)
    const first = versions[0]?.version
    if (versions.length !== limit || first !== done + 1)
      throw new ChangedThere(
        `${from} gave version ${first ?? 'nothing'} of ${assistant_id} in place of ${done + 1}: it was changed meanwhile, or its versions have gaps. Run it again`,
      )
    done += limit
    const live = versions.find((one) => one.version === version)
    const mixed = CONTENT.filter((field) => live && !isDeepStrictEqual(live[field], assistant[field]))
    if (mixed.length > 0) onMixed?.(version, mixed)
    const last = done === count ? { live: { version, updated_at } } : {}
    yield { from, assistant_id: id, versions, ...last }
  }
}

/** The system assistants there are the system assistants here. */
function idHere({ assistant_id, graph_id, metadata }: ApiAssistant, project: string): string {
  const system = metadata?.created_by === 'system' && assistant_id === systemAssistantId('default', graph_id)
  return system ? systemAssistantId(project, graph_id) : assistant_id
}
