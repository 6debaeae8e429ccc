import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { OBSERVE_LIMITS } from './limits.js'
import { carryOn, contextOfEvent, tracing } from './tracing.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const eventAt = (position: bigint, correlationId: string) => ({
  position,
  id: '6f0d2b1c-97d5-5d1e-8a54-2f1d7d9c8e04',
  metadata: { $correlationId: correlationId },
})

beforeEach(() => {
  tracing.on = true
})
afterEach(() => {
  tracing.on = false
})

describe('the context that an event is published in', () => {
  test('given one that was appended here, it is that of its command', () => {
    const context = ROOT_CONTEXT.setValue(Symbol('mine'), true)
    carryOn(1n, context)
    expect(contextOfEvent(eventAt(1n, TRACE))).toBe(context)
  })

  test("given one that another replica appended, it is in the event's trace", () => {
    const context = contextOfEvent(eventAt(2n, TRACE))
    expect(context && trace.getSpanContext(context)).toMatchObject({
      traceId: TRACE,
      spanId: '8a542f1d7d9c8e04',
      isRemote: true,
    })
  })

  test('given one that no trace led to, there is none', () => {
    expect(contextOfEvent(eventAt(3n, '0b5a1a0e-66a4-4a55-9d4c-6f2f8a1f5d11'))).toBeUndefined()
  })

  test('given no collector, there is none', () => {
    tracing.on = false
    carryOn(4n, ROOT_CONTEXT)
    expect(contextOfEvent(eventAt(4n, TRACE))).toBeUndefined()
  })

  test('given more commands than are remembered, the oldest are forgotten', () => {
    for (let i = 0; i <= OBSERVE_LIMITS.traces; i++) carryOn(BigInt(100 + i), ROOT_CONTEXT)
    expect(contextOfEvent(eventAt(100n, 'none'))).toBeUndefined()
    expect(contextOfEvent(eventAt(101n, 'none'))).toBe(ROOT_CONTEXT)
  })
})
