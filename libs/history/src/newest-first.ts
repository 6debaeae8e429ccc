// Two readings backward as one, by position.
import type { RecordedEvent } from '@assistant-ledger/event-log'

export async function* newestFirst(
  one: AsyncGenerator<RecordedEvent>,
  other: AsyncGenerator<RecordedEvent>,
): AsyncGenerator<RecordedEvent> {
  try {
    let [a, b] = await Promise.all([one.next(), other.next()])
    while (!a.done || !b.done) {
      if (b.done || (!a.done && a.value.position > b.value.position)) {
        yield a.value as RecordedEvent
        a = await one.next()
      } else {
        yield b.value
        b = await other.next()
      }
    }
  } finally {
    // Whoever breaks off lets go of both.
    await Promise.all([one.return(undefined), other.return(undefined)])
  }
}
