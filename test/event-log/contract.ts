// The contract of the log port: what every adapter must do, whatever stands behind it. The log under test may hold
// events of others, so each case keeps to streams of its own.
import { afterAll, beforeAll, describe } from '@jest/globals'
import type { EventLog } from '../../libs/event-log/src/index.js'
import { describeAppend } from './contract-append.js'
import { describeConcurrency } from './contract-concurrency.js'
import { describeFollow } from './contract-follow.js'
import { describeRead } from './contract-read.js'

/** Runs the contract on one log that `open` gives and that is closed in the end. */
export function describeEventLog(name: string, open: () => Promise<EventLog>): void {
  describe(name, () => {
    let opened: EventLog
    beforeAll(async () => {
      opened = await open()
    }, 30_000)
    afterAll(() => opened?.close())
    const log = () => opened

    describe('append', () => describeAppend(log))
    describe('concurrent writers', () => describeConcurrency(log))
    describe('reading', () => describeRead(log))
    describe('following', () => describeFollow(log))
  })
}
