// What another environment than live shows of an assistant: it may have something else, or nothing yet, where live has what
// is wanted already.
import { applied, patchBetween } from './content.js'
import { usage } from './failure.js'
import { getAssistant, listEnvironments } from './service/assistants.js'
import type { Service } from './service/service.js'
import type { Assistant, Content } from './service/shapes.js'

/** @param live the assistant as live shows it @returns undefined: nothing yet @throws Failure where there is no such environment */
export async function shownIn(service: Service, live: Assistant, to: string): Promise<Content | undefined> {
  const id = live.assistant_id
  const { body } = await listEnvironments(service, id)
  const pointer = body.find(({ environment }) => environment === to)
  if (pointer === undefined)
    throw usage(`there is no environment ${to}; there are ${body.map((one) => one.environment).join(', ')}`)
  if (pointer.version === null) return undefined
  return pointer.version === live.version ? live : (await getAssistant(service, id, to)).body
}

export const isLike = (shown: Content | undefined, wanted: Content): boolean =>
  shown !== undefined && patchBetween(shown, applied(wanted, {})) === undefined

/** What is compared with where nothing is shown yet: what names it is no difference. */
export const nothingOf = ({ graph_id, name }: Pick<Content, 'graph_id' | 'name'>): Content => ({
  graph_id,
  name,
  description: null,
  config: {},
  context: {},
  metadata: {},
})
