// Who may do what, as everything that is asked over HTTP sees it: who asks is found out first, then whether the action is
// theirs, and what of the stored assistants they may see.
import type { Actor, JsonObject } from '@assistant-ledger/assistant'

/** What is done with assistants, in LangGraph's words. */
export type Action = 'create' | 'read' | 'update' | 'delete' | 'search'

/** Who asks, as authentication found out. `user` is what an auth module returned, for its handlers. */
export interface Identity {
  readonly actor: Actor
  readonly permissions: readonly string[]
  readonly user?: unknown
}

/** What of the stored metadata must match for the asker to see an assistant, as LangGraph's handlers return it. */
export type Filter = { readonly [key: string]: unknown }

export interface Authorized {
  /** The value as handlers left it (metadata may be stamped). */
  readonly value: JsonObject
  /** Undefined: everything. */
  readonly filter: Filter | undefined
}

export interface Authorizer {
  /** @throws HttpRefusal 401, or what an auth module threw */
  authenticate(request: Request): Promise<Identity>
  /** @throws HttpRefusal 403, or what an auth module threw */
  authorize(identity: Identity, action: Action, value: JsonObject): Promise<Authorized>
}

const NOBODY: Identity = { actor: { id: 'anonymous', verified: false, via: 'http' }, permissions: [] }

/** Everybody may do everything, as nobody in particular (AUTH=none, loopback). */
export const OPEN: Authorizer = {
  authenticate: async () => NOBODY,
  authorize: async (_identity, _action, value) => ({ value, filter: undefined }),
}

/** An answer other than 2xx that is no refusal of the domain. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'

  constructor(
    readonly status: number,
    readonly detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${status}: ${detail}`)
  }
}
