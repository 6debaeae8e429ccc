// What can go wrong for a caller, each its own class: nobody parses a message.

/** A setting of `followAssistants` cannot be used. */
export class BadOption extends Error {
  override readonly name = 'BadOption'
}

/**
 * `rejected`: what is published did not pass this client's check. `deleted`, `moved`: by its tombstone.
 * `not-followed`: the option `assistants` does not name it. `not-published`: no followed graph has it.
 * `not-confirmed`: the client is not live, and nothing that it knows speaks of it.
 */
export type NotHeldReason =
  | 'rejected'
  | 'deleted'
  | 'moved'
  | 'not-followed'
  | 'not-published'
  | 'not-confirmed'

/** No configuration of this assistant is held, and why. */
export class AssistantNotHeld extends Error {
  override readonly name = 'AssistantNotHeld'
  constructor(
    readonly assistantId: string,
    readonly reason: NotHeldReason,
    detail: string,
  ) {
    super(`assistant ${assistantId} is not held: ${detail}`)
  }
}

/** A text that should be a reference is none. */
export class BadReference extends Error {
  override readonly name = 'BadReference'
  constructor(readonly reference: string) {
    super(
      `${JSON.stringify(reference.slice(0, 120))} is not a reference like <id>@<generation>.<version>#<16 hex>`,
    )
  }
}

/** The service knows no such version. */
export class PinnedNotFound extends Error {
  override readonly name = 'PinnedNotFound'
  constructor(readonly reference: string) {
    super(`no version is known for ${reference}`)
  }
}

/** The service answered with a content that is not what the reference names. */
export class PinnedMismatch extends Error {
  override readonly name = 'PinnedMismatch'
  constructor(
    readonly reference: string,
    readonly actualHash: string,
  ) {
    super(`the content that came for ${reference} has the hash ${actualHash}`)
  }
}

/** The service could not be asked, or refused for a reason other than not knowing; asking again may help. */
export class PinnedUnavailable extends Error {
  override readonly name = 'PinnedUnavailable'
  constructor(
    readonly reference: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${reference} could not be had: ${detail}`, options)
  }
}

/** The client was closed. */
export class Closed extends Error {
  override readonly name = 'Closed'
  constructor() {
    super('this client is closed')
  }
}
