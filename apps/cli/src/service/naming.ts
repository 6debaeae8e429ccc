// Which assistant is meant: by its id or the beginning of it, by a name that only one has, or by a graph, whose system
// assistant it then is. Whoever asks the past may mean one that was deleted.
import { Failure, usage } from '../failure.js'
import { getAssistant, searchAssistants } from './assistants.js'
import { goneLike } from './gone.js'
import { beginsId, idsFrom } from './ids.js'
import { NAMED, type Named } from './named.js'
import type { Answer, Service } from './service.js'
import type { Assistant } from './shapes.js'

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** So many of those that could be meant are listed. */
const SHOWN = 8
/** So many with such a name are looked at. */
const LOOKED_AT = 1_000

export const isAssistantId = (text: string): boolean => ID.test(text)

/**
 * The id of the assistant that is meant. An id is taken as it is: whether there is one is for the request to find out.
 * @param orGone one that was deleted may be meant, by its last name, where there is none now
 * @throws Failure that lists those that could be meant
 */
export async function assistantId(service: Service, meant: string, { orGone = false } = {}): Promise<string> {
  if (isAssistantId(meant)) return meant.toLowerCase()
  return (await named(service, meant, orGone)).assistant_id
}

/** The assistant that is meant, as an environment shows it, with its revision. @throws Failure */
export async function assistantMeant(
  service: Service,
  meant: string,
  environment?: string,
): Promise<Answer<Assistant>> {
  return getAssistant(service, await assistantId(service, meant), environment, meant)
}

async function named(service: Service, meant: string, orGone: boolean): Promise<Named> {
  if (meant.trim() === '') throw usage('an assistant is named by its id, its name or its graph')
  const [alike, system] = await Promise.all([alikeIn(service, meant), systemOf(service, meant)])
  const same = alike.filter(({ name }) => name === meant)
  // A system assistant has the name of its graph: that is one and the same.
  const found = unique([...same, ...system])
  const [one, other] = found
  if (one !== undefined && other === undefined) return one
  if (one !== undefined)
    throw new Failure(`${JSON.stringify(meant)} could be ${listed(found)}; name it by its id`)
  const folded = alike.filter(({ name }) => name.toLowerCase() === meant.toLowerCase())
  const [only, ...rest] = folded
  if (only !== undefined && rest.length === 0) return only
  for (const others of [
    beginsId(meant) ? () => idsFrom(service, meant, SHOWN + 1) : undefined,
    orGone ? () => goneLike(service, meant) : undefined,
  ]) {
    const [begun, ...more] = (await others?.()) ?? []
    if (begun !== undefined && more.length === 0) return begun
    if (begun !== undefined)
      throw new Failure(`${JSON.stringify(meant)} could be ${listed([begun, ...more])}; name it by its id`)
  }
  const close =
    alike.length > 0 ? `; did you mean ${listed(alike)}?` : '; assistants list shows those there are'
  throw new Failure(`there is no assistant ${JSON.stringify(meant)}${close}`)
}

/** Those with that in their name, in any case. */
async function alikeIn(service: Service, meant: string): Promise<Named[]> {
  const found = searchAssistants(
    service,
    { name: meant, select: NAMED, sort_by: 'name', sort_order: 'asc' },
    LOOKED_AT,
  )
  return collect(found)
}

/** All of exactly that name. @throws Failure */
export async function namesakes(service: Service, name: string): Promise<Named[]> {
  return (await alikeIn(service, name)).filter((one) => one.name === name)
}

/** That of a graph; undefined where it was deleted, or may not be seen. @throws Failure where there is no such graph */
export async function systemAssistant(service: Service, graph: string): Promise<Named | undefined> {
  return (await collect(searchAssistants(service, ofSystem(graph), 1)))[0]
}

async function systemOf(service: Service, graph: string): Promise<Named[]> {
  try {
    return await collect(searchAssistants(service, ofSystem(graph), 2))
  } catch (error) {
    // There is no such graph: then it is no graph that is meant.
    if (error instanceof Failure && error.code === 'graph-not-found') return []
    throw error
  }
}

const ofSystem = (graph: string) => ({ graph_id: graph, metadata: { created_by: 'system' } })

async function collect(found: AsyncIterable<Named>): Promise<Named[]> {
  const all: Named[] = []
  for await (const one of found) all.push(one)
  return all
}

const unique = (all: readonly Named[]): Named[] => [
  ...new Map(all.map((one) => [one.assistant_id, one])).values(),
]

/** With what tells one from another. */
export function listed(all: readonly Named[]): string {
  const shown = all.slice(0, SHOWN).map(({ assistant_id, name, graph_id, version, updated_at }) => {
    const changed = `${updated_at.slice(0, 19)}Z`
    return `${assistant_id} (${name}, ${graph_id}, version ${version}, changed ${changed})`
  })
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : ''
  return shown.join(', ') + more
}
