// What a sender may not see is not there for their commands: it is found missing, and only its id is found taken. That
// is asked before anything else is said of it, a revision for instance.
import { beneath, type Command, refuse, type State } from '@assistant-ledger/assistant'
import type { Filter } from '../auth/authorizer.js'
import { RefusalError } from '../bus/contract.js'
import type { Streams } from '../streams.js'

/** @param state with what deciding the command takes */
export async function checkVisible(
  streams: Streams,
  assistantId: string,
  state: State,
  command: Command,
  visible: Filter,
): Promise<void> {
  if (!state.life) return
  if (!(await streams.isVisible(assistantId, state, visible)))
    throw new RefusalError(
      command.type === 'create'
        ? refuse('already-exists', `Assistant ${command.assistant_id} already exists`)
        : refuse('not-found', 'Assistant not found'),
    )
  const version = promoted(state, command)
  if (version === undefined || version < 1 || version > state.life.highest) return
  // Made live it would be shown, and be the assistant from then on.
  if (!(await streams.isVersionVisible(assistantId, state, version, visible)))
    throw new RefusalError(
      refuse('version-not-found', `Version ${version} not found for assistant ${assistantId}`),
    )
}

/** The version that a command makes an environment show, of those that are there already. */
function promoted({ life }: State, command: Command): number | undefined {
  if (command.type === 'rollback') {
    const below = beneath(life?.environments.get(command.environment))
    return typeof below === 'object' ? below.version : undefined
  }
  if (command.type !== 'promote') return undefined
  const { version } = command
  return typeof version === 'number' ? version : life?.environments.get(version.from)?.version
}
