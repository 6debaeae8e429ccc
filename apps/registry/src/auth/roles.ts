// What the holder of a token may do: `read`, `write`, and `promote` to every environment or `promote:<environment>` to
// one; `admin`, what concerns the log as a whole (import, replay). None implies another. What moves an environment needs the right to promote to it, also where a write does it.
import { type JsonObject, LIVE } from '@assistant-ledger/assistant'
import { type Action, HttpRefusal } from './authorizer.js'

/** Whoever has it may import events and make the read side again. */
export const ADMIN = 'admin'

/** Whether a text is a role; others that a token has are somebody else's. */
export function isRole(text: string, environments: readonly string[]): boolean {
  if (text === 'read' || text === 'write' || text === 'promote' || text === ADMIN) return true
  return environments.some((environment) => text === `promote:${environment}`)
}

/**
 * @param value as handlers of LangGraph are given it. An update has `environment` where it is a promotion or a rollback
 * alone, or `promote` and `promote_to` as a PATCH has them
 * @param environments those that are declared
 * @throws HttpRefusal 403 naming the role that is missing
 */
export function checkRoles(
  roles: readonly string[],
  action: Action,
  value: JsonObject,
  environments: readonly string[],
): void {
  const need = (role: string, ...orElse: string[]) => {
    if (![role, ...orElse].some((one) => roles.includes(one)))
      throw new HttpRefusal(403, `This takes the role ${role}`)
  }
  const needPromote = (environment: string) => need(`promote:${environment}`, 'promote')
  switch (action) {
    case 'read':
    case 'search':
      need('read')
      return
    case 'create':
      need('write')
      needPromote(LIVE)
      return
    case 'update': {
      const { environment, version, promote, promote_to } = value
      const moved = promote === false ? undefined : (environment ?? promote_to ?? LIVE)
      if (environment === undefined && version === undefined) need('write')
      if (moved !== undefined) needPromote(String(moved))
      return
    }
    case 'delete':
      need('write')
      for (const environment of environments) needPromote(environment)
      return
    default:
      action satisfies never
  }
}
