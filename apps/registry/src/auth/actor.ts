// Who asks, as it is recorded with what they do.
import type { Actor } from '@assistant-ledger/assistant'
import { OWN_ACTORS } from '../headers.js'
import { HttpRefusal } from './authorizer.js'
import { AUTH_LIMITS } from './limits.js'

/** @throws HttpRefusal 401 for an identity that cannot be recorded, or that is the service's own */
export function actorOf(identity: string): Actor {
  const id = identity.replaceAll('\u0000', '\ufffd')
  if (id === '' || id.length > AUTH_LIMITS.identity || !id.isWellFormed())
    throw new HttpRefusal(401, `An identity has 1 to ${AUTH_LIMITS.identity} characters`)
  if (OWN_ACTORS.has(id)) throw new HttpRefusal(401, `The identity ${id} is the service's own`)
  return { id, verified: true, via: 'http' }
}
