import {
  type EventData,
  type EventLog,
  type ExpectedRevision,
  LogConflict,
  LogInDoubt,
  LogRejected,
  LogUnavailable,
} from '@assistant-ledger/event-log'
import { describe, expect, jest, test } from '@jest/globals'
import { RefusalError } from '../bus/contract.js'
import { LIMITS } from '../limits.js'
import { appendSurely } from './append.js'

const EVENTS: readonly EventData[] = [{ id: 'e', type: 'Something', data: {}, metadata: {} }]
const LANDED = { revision: 4n, position: 9n }

/** A log that answers each attempt as it is told; the last answer stands for all later ones. */
function logThat(...answers: readonly (Error | typeof LANDED)[]) {
  const attempts: { stream: string; expected: ExpectedRevision; events: readonly EventData[] }[] = []
  const append: EventLog['append'] = async (stream, expected, events) => {
    const answer = answers[Math.min(attempts.length, answers.length - 1)]
    attempts.push({ stream, expected, events })
    if (answer instanceof Error) throw answer
    return answer as typeof LANDED
  }
  return { log: { append } as EventLog, attempts }
}

const inDoubt = new LogInDoubt('no answer')
const away = new LogUnavailable('nobody there')

async function refusalOf(log: EventLog) {
  const error = await appendSurely(log, 'stream', 3n, EVENTS).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(RefusalError)
  return (error as RefusalError).refusal
}

describe('an append whose outcome the log does not tell', () => {
  test('given an answer to a later attempt, then that is the outcome, and every attempt was the same', async () => {
    const { log, attempts } = logThat(inDoubt, inDoubt, LANDED)
    expect(await appendSurely(log, 'stream', 3n, EVENTS)).toEqual(LANDED)
    expect(attempts).toHaveLength(3)
    for (const attempt of attempts)
      expect(attempt).toEqual({ stream: 'stream', expected: 3n, events: EVENTS })
  })

  test.each([
    ['it stays in doubt', [inDoubt]],
    ['the log is then away', [inDoubt, away]],
    ['the log then rejects it', [inDoubt, new LogRejected('too large')]],
    ['the log is away and in doubt by turns', [inDoubt, away, inDoubt, away]],
  ])('given that %s, then nobody claims that nothing was changed', async (_, answers) => {
    const refusal = await refusalOf(logThat(...answers).log)
    expect(refusal.code).toBe('unavailable')
    expect(refusal.detail).toMatch(/unknown; send it again with the same Idempotency-Key/)
  })

  test('given attempts that take long, then none begins after the time for all of them', async () => {
    let now = 0
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now)
    const attempts: number[] = []
    const append = async () => {
      attempts.push(now)
      now += LIMITS.append_ms / 2 + 1
      throw inDoubt
    }
    const refusal = await refusalOf({ append } as unknown as EventLog).finally(() => clock.mockRestore())
    expect(refusal.code).toBe('unavailable')
    expect(attempts).toHaveLength(2)
  })

  test('given a log that is away once and then has it, then it was written', async () => {
    expect(await appendSurely(logThat(inDoubt, away, LANDED).log, 'stream', 3n, EVENTS)).toEqual(LANDED)
  })
})

describe('an append whose outcome is certain', () => {
  test('given a log that was away from the start, then nothing was changed', async () => {
    const { log, attempts } = logThat(away)
    expect(await refusalOf(log)).toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/nothing was changed/),
    })
    expect(attempts).toHaveLength(1)
  })

  test.each([
    ['at once', []],
    ['after a doubt', [inDoubt]],
  ])('given a conflict %s, then the caller decides again', async (_, before) => {
    const conflict = new LogConflict('stream', 3n, 4n)
    await expect(appendSurely(logThat(...before, conflict).log, 'stream', 3n, EVENTS)).rejects.toBe(conflict)
  })
})
