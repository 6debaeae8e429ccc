// Each deployed graph has its system assistant, with the id that LangGraph's servers give it. Created without a key
// at every start: one that is there stays as it is, one that was deleted returns.
import { type JsonObject, systemAssistantId } from '@assistant-ledger/assistant'
import type { CommandService } from '../commands/execute.js'
import type { Sender } from '../headers.js'
import type { Graph } from '../langgraph-json.js'

const SYSTEM: Sender = { actor: { id: 'system', verified: true, via: 'system' } }

export async function createSystemAssistants(
  commands: CommandService,
  project: string,
  graphs: readonly Graph[],
): Promise<void> {
  for (const { id, description } of graphs) {
    const assistantId = systemAssistantId(project, id)
    const request = {
      graph_id: id,
      name: id,
      ...(description === undefined ? {} : { description }),
      metadata: { created_by: 'system' },
      if_exists: 'do_nothing',
    } as const satisfies JsonObject
    const { if_exists, ...content } = request
    await commands.execute(
      {
        verb: 'create',
        assistantId,
        givenId: assistantId,
        request,
        command: { type: 'create', assistant_id: assistantId, content, if_exists },
      },
      SYSTEM,
    )
  }
}
