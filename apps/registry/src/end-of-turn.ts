// Answers that are ready in one turn of the event loop go out together at its end. Sent one by one, each would wake its
// reader at once and take turns with it on the same cores; together they cost about half.

export class EndOfTurn {
  #turn: Promise<void> | undefined

  /** Resolves for all that wait in this turn, one after the other, at its end. */
  reached(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined
        resolve()
      })
    })
    return this.#turn
  }
}
