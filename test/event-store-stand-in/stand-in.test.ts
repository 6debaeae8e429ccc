// The cases on the stand-in.
import { afterAll, beforeAll } from '@jest/globals'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { describeCases } from './cases.js'

let standIn: StandIn

beforeAll(async () => {
  standIn = await startStandIn()
}, 60_000)

afterAll(() => standIn.stop())

describeCases(() => standIn.url)
