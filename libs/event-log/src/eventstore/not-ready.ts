// Why a log in EventStoreDB cannot be opened: one line that says what is missing and what an admin must do.

/** What is missing. Only a server that is `away` may come by itself. */
export type Missing =
  | 'url'
  | 'away'
  | 'certificate'
  | 'tls'
  | 'credentials'
  | 'right-to-read-all'
  | 'event-store'

/** The event store cannot be used as it is. */
export class EventStoreNotReady extends Error {
  override readonly name = 'EventStoreNotReady'
  constructor(
    readonly missing: Missing,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
