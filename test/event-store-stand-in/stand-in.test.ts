// The cases on the stand-in.
import { afterAll, beforeAll, jest } from '@jest/globals'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { describeCases } from './cases.js'

jest.setTimeout(60_000)

let standIn: StandIn

beforeAll(async () => {
  standIn = await startStandIn()
})

afterAll(() => standIn.stop())

describeCases(() => standIn.url)
