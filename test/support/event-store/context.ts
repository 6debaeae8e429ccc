// What every call of the stand-in's API works on.
import type { Faults } from './faults.js'
import type { Store } from './store.js'
import type { Subscriptions } from './subscribe.js'

export interface Context {
  readonly store: Store
  readonly faults: Faults
  readonly subscriptions: Subscriptions
  /** Where this server says it is. */
  readonly host: string
  port(): number
}
