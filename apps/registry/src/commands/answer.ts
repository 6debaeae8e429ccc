// The answer to a command: the assistant as its outcome shows it. A repeated command's answer is made from the
// recorded outcome, so it is the same however often and however late it is asked for.
import type { Content, JsonObject, Outcome, State } from '@assistant-ledger/assistant'
import type { ReadModel } from '@assistant-ledger/read-model'
import type { Streams } from '../streams.js'

/** What an outcome showed. */
export type Shown = Extract<Outcome, { type: 'shown' }>

/** An Assistant of the LangGraph API. */
export function assistantOf(
  assistantId: string,
  version: number,
  content: Content,
  times: { readonly createdAt: string; readonly updatedAt: string },
): JsonObject {
  const { graph_id, name, description, config, context, metadata } = content
  return {
    assistant_id: assistantId,
    graph_id,
    version,
    name,
    description,
    config,
    context,
    metadata,
    created_at: times.createdAt,
    updated_at: times.updatedAt,
  }
}

/** The assistant that an outcome showed: from the state at hand, else the read model, else the stream. */
export async function shownBy(
  streams: Streams,
  model: ReadModel,
  assistantId: string,
  state: State,
  outcome: Shown,
): Promise<JsonObject> {
  const { generation, version, updatedAt } = outcome
  const { life } = state
  const content = generation === state.generation ? life?.contents.get(version) : undefined
  if (life && content)
    return assistantOf(assistantId, version, content, { createdAt: life.createdAt, updatedAt })
  const row = await model.answerAt(assistantId, generation, version, updatedAt).catch(() => undefined)
  return (row as JsonObject | undefined) ?? fromStream(streams, assistantId, outcome)
}

async function fromStream(streams: Streams, assistantId: string, outcome: Shown): Promise<JsonObject> {
  const { updatedAt } = outcome
  let generation = 0
  let createdAt = ''
  for await (const { event, metadata } of streams.events(assistantId, 0n)) {
    if (event.type === 'AssistantCreated') {
      generation = event.data.generation
      createdAt = metadata.at
    } else if (event.type !== 'ConfigChanged') continue
    const { version, content } = event.data
    if (generation === outcome.generation && version === outcome.version)
      return assistantOf(assistantId, version, content, { createdAt, updatedAt })
  }
  throw new Error(`version ${outcome.generation}.${outcome.version} of ${assistantId} is not in its stream`)
}
