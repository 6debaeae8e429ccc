// System assistants have no owner, so that a filter by owner hides them from everyone. Where SEE_SYSTEM_ASSISTANTS says
// so, reads and searches see them all the same; who may change or delete them stays with the handlers.
import type { JsonObject } from '@assistant-ledger/assistant'
import type { Authorized, Authorizer } from './authorizer.js'

const SYSTEM = { created_by: 'system' } as const

export const seeingSystemAssistants = (authorizer: Authorizer): Authorizer => ({
  authenticate: (request) => authorizer.authenticate(request),
  async authorize(identity, action, given) {
    const { value, filter } = await authorizer.authorize(identity, action, given)
    switch (action) {
      case 'read':
      case 'search':
        return { value, filter: filter && { $or: [filter, SYSTEM] } }
      case 'create':
      case 'update':
        return { value: withoutClaim(value), filter }
      case 'delete':
        return { value, filter }
      default:
        return action satisfies never
    }
  },
})

/** What all may see is the service's to say: an assistant of a user that claims to be the system's loses the claim. */
function withoutClaim(value: JsonObject): Authorized['value'] {
  const { metadata } = value
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return value
  if ((metadata as JsonObject).created_by !== SYSTEM.created_by) return value
  const rest = Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== 'created_by'))
  return { ...value, metadata: rest }
}
