// Waiting for what a client says, instead of for the clock.
import type { Assistants, FollowEvents } from '@assistant-ledger/client'

export function next<Name extends keyof FollowEvents>(
  assistants: Assistants,
  name: Name,
  wanted: (event: FollowEvents[Name]) => boolean = () => true,
): Promise<FollowEvents[Name]> {
  return new Promise((resolve) => {
    const off = assistants.on(name, (event) => {
      if (!wanted(event)) return
      off()
      resolve(event)
    })
  })
}
