// The assistants of a LangGraph server with all their versions, over its public API, a page at a time.
import { systemAssistantId } from '@assistant-ledger/assistant'

/** Of one page. LangGraph's servers give at most 1,000. */
const PAGE = 100
/** Versions are asked for and sent in pages of their own: each may have 512 KiB. */
const VERSIONS_PAGE = 20
const ANSWER_MS = 30_000

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

/** The server did not give what was asked of it. One line. */
export class NoSuchServer extends Error {
  override readonly name = 'NoSuchServer'
}

export interface FromServer {
  readonly url: string
  /** Where they go to: system assistants have other ids in other projects. */
  readonly project: string
  /** What its authentication asks for. */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An assistant that is there, and its parts in their order. */
export interface Found {
  readonly id: string
  readonly name: string
  parts(): AsyncGenerator<AssistantPart>
}

/** @throws NoSuchServer */
export async function* assistantsOf(server: FromServer): AsyncGenerator<Found> {
  const from = server.url.replace(/\/+$/, '')
  for (let offset = 0; ; offset += PAGE) {
    // In the order of their making, so that what is made meanwhile comes last.
    const query = { limit: PAGE, offset, sort_by: 'created_at', sort_order: 'asc' }
    const page = await ask<ApiAssistant[]>(server, `${from}/assistants/search`, query)
    for (const assistant of page) {
      const id = idHere(assistant, server.project)
      const name = assistant.name ?? assistant.assistant_id
      yield { id, name, parts: () => partsOf(server, from, assistant, id) }
    }
    if (page.length < PAGE) return
  }
}

async function* partsOf(
  server: FromServer,
  from: string,
  { assistant_id, version, updated_at }: ApiAssistant,
  id: string,
): AsyncGenerator<AssistantPart> {
  // Newest first is how they come; oldest first is how they are recorded.
  const url = `${from}/assistants/${assistant_id}/versions`
  const [newest] = await ask<ApiVersion[]>(server, url, { limit: 1, offset: 0 })
  const count = newest?.version ?? 0
  for (let done = 0; done < count; ) {
    const limit = Math.min(VERSIONS_PAGE, count - done)
    const page = await ask<ApiVersion[]>(server, url, { limit, offset: count - done - limit })
    const versions = page.toSorted((a, b) => a.version - b.version)
    const first = versions[0]?.version
    if (versions.length !== limit || first !== done + 1)
      throw new NoSuchServer(
        `${from} gave version ${first ?? 'nothing'} of ${assistant_id} in place of ${done + 1}: it was changed meanwhile, or its versions have gaps. Run it again`,
      )
    done += limit
    const live = done === count ? { live: { version, updated_at } } : {}
    yield { from, assistant_id: id, versions, ...live }
  }
}

/** The system assistants there are the system assistants here. */
function idHere({ assistant_id, graph_id, metadata }: ApiAssistant, project: string): string {
  const system = metadata?.created_by === 'system' && assistant_id === systemAssistantId('default', graph_id)
  return system ? systemAssistantId(project, graph_id) : assistant_id
}

async function ask<Body>({ headers, signal }: FromServer, url: string, body: object): Promise<Body> {
  const limit = AbortSignal.timeout(ANSWER_MS)
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
  } catch (error) {
    signal?.throwIfAborted()
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
    throw new NoSuchServer(
      `${url} does not answer (${cause}): name the base URL of a LangGraph server that runs`,
    )
  }
  const text = await response.text()
  if (!response.ok) throw new NoSuchServer(`${url} answered ${response.status}: ${text.slice(0, 200)}`)
  const answer: unknown = parsed(text)
  if (!Array.isArray(answer)) throw new NoSuchServer(`${url} gave no list: it is no LangGraph server`)
  return answer as Body
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
