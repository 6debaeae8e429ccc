// Lives of many assistants, made in memory and written to any log: each has several versions, environments that move, ways
// back; every other one is deleted and begun again under its id, every tenth stays deleted.
import {
  assistantStream,
  type Command,
  commandHashOf,
  decide,
  EMPTY,
  fold,
  type Recorded,
  type State,
  timestamp,
} from '@assistant-ledger/assistant'
import type { EventData, EventLog } from '@assistant-ledger/event-log'
import { appendSurely } from '../event-log/events.js'
import { beginLog, change, create, deletion, idOf, PROJECT } from './moves.js'

/** Appends that are under way at once. */
const IN_FLIGHT = 32

const promote = (environment: string, version: number): Command => ({ type: 'promote', environment, version })

export const isBegunAgain = (n: number): boolean => n % 2 === 1
export const isDeleted = (n: number): boolean => n % 10 === 0

function commandsOf(n: number): readonly Command[] {
  const first = [create(n), change(1), change(2, 'staging'), promote('live', 3)]
  if (isDeleted(n)) return [...first, deletion]
  if (!isBegunAgain(n)) return [...first, change(3), { type: 'rollback', environment: 'live' }]
  return [...first, deletion, create(n, 'other'), change(4, 'staging'), promote('live', 2)]
}

/** All events of an assistant's stream, from its first. */
function lifeOf(n: number): EventData[] {
  const stream = assistantStream(PROJECT, idOf(n))
  const events: EventData[] = []
  let state: State = EMPTY
  for (const [i, command] of commandsOf(n).entries()) {
    const decision = decide(state, command, {
      stream,
      commandId: idOf(n * 100 + i),
      commandHash: commandHashOf({ verb: command.type, assistant_id: undefined, request: {} }),
      keyed: false,
      actor: { id: i % 2 === 0 ? 'ada' : 'grace', verified: true, via: 'nats' },
      reason: `step ${i} of ${n}`,
      now: timestamp(Date.now()),
      salts: [`salt-${n}-${i}`, `salt-${n}-${i}-`],
      environments: new Set(['live', 'staging']),
    })
    if (decision.type !== 'events') throw new Error(`${command.type} was ${JSON.stringify(decision)}`)
    const next = BigInt(events.length)
    events.push(...decision.events)
    state = fold(
      state,
      decision.events.map(
        ({ type, data, metadata }, j) =>
          ({ revision: next + BigInt(j), event: { type, data }, metadata }) as Recorded,
      ),
    )
  }
  return events
}

/**
 * Writes at least so many events of assistants 0, 1, … to logs that are empty, the same to each.
 * @returns how many assistants, and how many events they have
 */
export async function fillWithMany(
  logs: readonly EventLog[],
  atLeast: number,
): Promise<{ assistants: number; events: number }> {
  for (const log of logs) await beginLog(log)
  let [assistants, events] = [0, 0]
  const one = async () => {
    while (events < atLeast) {
      const n = assistants++
      const life = lifeOf(n)
      events += life.length
      await Promise.all(
        logs.map((log) => appendSurely(log, assistantStream(PROJECT, idOf(n)), 'no_stream', life)),
      )
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  return { assistants, events }
}
