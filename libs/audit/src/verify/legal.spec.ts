import type { AssistantEvent } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { expect, test } from '@jest/globals'
import { afterwards, illegal } from './legal.js'

const salt = 's'
const content = {} as never
const created = (generation = 1): AssistantEvent => ({
  type: 'AssistantCreated',
  data: { assistant_id: 'a', generation, version: 1, content, salt },
})
const changed = (version: number): AssistantEvent => ({
  type: 'ConfigChanged',
  data: { version, content, salt },
})
const promoted = (version: number, replaces?: number, environment = 'live'): AssistantEvent => ({
  type: 'VersionPromoted',
  data: { version, environment, salt, ...(replaces === undefined ? {} : { replaces }) },
})
const deleted: AssistantEvent = { type: 'AssistantDeleted', data: { salt } }

/** What is wrong with the last of them. */
function after(...events: readonly AssistantEvent[]): string | undefined {
  let life: ReturnType<typeof afterwards> | undefined
  let fault: string | undefined
  for (const event of events) {
    fault = illegal(event, life)
    life = afterwards({ stream: 'assistant.p-a', ...event } as unknown as RecordedEvent, life)
  }
  return fault
}

test('a whole life and the next one may be', () => {
  const events = [
    created(),
    changed(2),
    promoted(2, 1),
    promoted(1, undefined, 'staging'),
    promoted(1, 2),
    deleted,
    created(2),
  ]
  for (let count = 1; count <= events.length; count++)
    expect(after(...events.slice(0, count))).toBeUndefined()
})

test.each<[string, AssistantEvent[]]>([
  ['a change before its beginning', [changed(2)]],
  ['a second beginning', [created(), created(2)]],
  ['a generation that is left out', [created(), deleted, created(3)]],
  ['a version that is left out', [created(), changed(3)]],
  ['a version that is not there yet', [created(), promoted(2, 1)]],
  ['a version of the life before', [created(), changed(2), deleted, created(2), promoted(2, 1)]],
  ['what live did not point to', [created(), changed(2), promoted(2, 2)]],
  ['an end without a beginning', [deleted]],
  ['an end after the end', [created(), deleted, deleted]],
])('%s may not be', (_, events) => {
  expect(after(...events)).toBeDefined()
})
