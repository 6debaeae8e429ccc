// Each deployed graph has its system assistant, with the id that LangGraph's servers give it. Created without a key
// at every start: one that is there stays as it is, one that was deleted returns. One that cannot be made for a reason
// of its own is left out with a word, since the service has others to serve.
import { type JsonObject, type RefusalCode, systemAssistantId } from '@assistant-ledger/assistant'
import { RefusalError } from '../bus/contract.js'
import type { CommandService } from '../commands/execute.js'
import type { Sender } from '../headers.js'
import type { Graph } from '../langgraph-json.js'

const SYSTEM: Sender = { actor: { id: 'system', verified: true, via: 'system' } }

/** Refusals that concern the one assistant; any other means that no command would get through. */
const ITS_OWN: ReadonlySet<RefusalCode> = new Set(['unreadable', 'graph-not-found', 'likely-secret'])

export async function createSystemAssistants(
  commands: Pick<CommandService, 'execute'>,
  project: string,
  graphs: readonly Graph[],
  warn: (line: string) => void,
): Promise<void> {
  for (const { id, description, config, context } of graphs) {
    const assistantId = systemAssistantId(project, id)
    const request = {
      graph_id: id,
      name: id,
      ...(description === undefined ? {} : { description }),
      ...(config === undefined ? {} : { config }),
      ...(context === undefined ? {} : { context }),
      metadata: { created_by: 'system' },
      if_exists: 'do_nothing',
    } as const satisfies JsonObject
    const { if_exists, ...content } = request
    const command = { type: 'create', assistant_id: assistantId, content, if_exists } as const
    try {
      await commands.execute({ verb: 'create', assistantId, givenId: assistantId, request, command }, SYSTEM)
    } catch (error) {
      if (!(error instanceof RefusalError) || !ITS_OWN.has(error.refusal.code)) throw error
      warn(`the system assistant of graph ${id} is left as it is: ${error.refusal.detail}`)
    }
  }
}
