import type { AssistantEvent } from '@assistant-ledger/assistant'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import { expect, test } from '@jest/globals'
import { afterwards, illegal } from './legal.js'
import { Pointers } from './pointers.js'

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
  const pointers = new Pointers()
  for (const event of events) {
    const of = { stream: 'assistant.p-a', generation: life?.generation ?? 0 }
    fault = illegal(event, life, (environment) => pointers.find(of, environment))
    if (event.type === 'VersionPromoted') pointers.set(of, event.data.environment, event.data.version)
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
    promoted(2, 1, 'staging'),
    deleted,
    created(2),
    promoted(1, undefined, 'staging'),
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
  ['what another environment did not point to', [created(), changed(2), promoted(2, 1, 'staging')]],
  [
    'no version where another environment pointed to one',
    [created(), promoted(1, undefined, 'staging'), changed(2), promoted(2, undefined, 'staging')],
  ],
  [
    'what another environment pointed to in the life before',
    [created(), promoted(1, undefined, 'staging'), deleted, created(2), promoted(1, 1, 'staging')],
  ],
  ['an end without a beginning', [deleted]],
  ['an end after the end', [created(), deleted, deleted]],
])('%s may not be', (_, events) => {
  expect(after(...events)).toBeDefined()
})
