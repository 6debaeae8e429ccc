// A worker's client against a real nats-server: swaps, rejections, tombstones, what a bucket in a bad state may
// not take away, and what is left behind on close.

import type { AssistantNotHeld } from '@assistant-ledger/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { followers } from './followers.js'
import { next } from './next.js'
import { content, GRAPH, hashOf, type TestPublisher } from './publisher.js'

const ONE = '11111111-1111-4111-8111-111111111111'
const TWO = '22222222-2222-4222-8222-222222222222'
const THREE = '33333333-3333-4333-8333-333333333333'

describe('follow', () => {
  let publisher: TestPublisher
  const { start, follow, stop } = followers()

  beforeEach(async () => {
    ;({ publisher } = await start())
  })
  afterEach(stop)

  test('a new version is swapped in while the old object stays as it was', async () => {
    await publisher.promote(ONE, 1, 0, content('first'))
    const assistants = await follow()
    expect(assistants.status().state).toBe('live')
    const first = assistants.get(ONE)
    const reload = next(assistants, 'reload')
    await publisher.promote(ONE, 2, 1, content('second'))
    expect(await reload).toMatchObject({ id: ONE, from: first.ref, to: assistants.get(ONE).ref })
    expect(first.context).toEqual({ prompt: 'first' })
    expect(assistants.get(ONE).context).toEqual({ prompt: 'second' })
    expect(assistants.get(ONE).ref).toBe(`${ONE}@1.2#${hashOf(content('second')).slice(0, 16)}`)
  })

  test('a configuration that fails the check leaves the old one', async () => {
    await publisher.promote(ONE, 1, 0, content('allowed'))
    const assistants = await follow({
      validate: async (a) => a.context.prompt !== 'forbidden' || 'forbidden prompt',
    })
    const rejected = next(assistants, 'rejected')
    await publisher.promote(ONE, 2, 1, content('forbidden'))
    expect(await rejected).toMatchObject({
      id: ONE,
      kept: assistants.get(ONE).ref,
      reason: 'forbidden prompt',
    })
    expect(assistants.get(ONE).version).toBe(1)
    const reload = next(assistants, 'reload')
    await publisher.promote(ONE, 3, 2, content('allowed again'))
    await reload
    expect(assistants.get(ONE).version).toBe(3)
  })

  test('a tombstone takes its assistant away', async () => {
    await publisher.promote(ONE, 1, 0, content('x'))
    const assistants = await follow()
    const removed = next(assistants, 'removed')
    await publisher.put(publisher.tombstone(ONE, 1, 'deleted'))
    expect(await removed).toMatchObject({ id: ONE, reason: 'deleted' })
    expect(assistants.find(ONE)).toBeUndefined()
  })

  test('what is not held says why, also what was refused before anybody listened', async () => {
    await publisher.promote(ONE, 1, 0, content('forbidden'))
    await publisher.promote(THREE, 1, 0, content('x'))
    const assistants = await follow({
      assistants: [ONE, TWO, THREE],
      validate: (a) => a.context.prompt !== 'forbidden' || 'forbidden prompt',
    })
    const why = (id: string) => {
      try {
        return assistants.get(id)
      } catch (error) {
        return { reason: (error as AssistantNotHeld).reason, message: (error as AssistantNotHeld).message }
      }
    }
    expect(why(ONE)).toMatchObject({
      reason: 'rejected',
      message: expect.stringContaining('forbidden prompt'),
    })
    expect(assistants.rejections()).toMatchObject([{ id: ONE, kept: undefined, reason: 'forbidden prompt' }])
    expect(why(TWO)).toMatchObject({ reason: 'not-published', message: expect.stringContaining(GRAPH) })
    expect(why(ONE.replace('1', '9'))).toMatchObject({ reason: 'not-followed' })
    const removed = next(assistants, 'removed')
    await publisher.put(publisher.tombstone(THREE, 1, 'deleted'))
    await removed
    expect(why(THREE)).toMatchObject({ reason: 'deleted' })
  })

  test('an older revision is never applied', async () => {
    await publisher.promote(ONE, 5, 9, content('newer'))
    const assistants = await follow()
    await publisher.put(publisher.value(ONE, 4, 8, content('older')), { counted: false })
    const reload = next(assistants, 'reload')
    await publisher.put(publisher.value(TWO, 1, 0, content('after it')))
    expect((await reload).id).toBe(TWO)
    expect(assistants.get(ONE).version).toBe(5)
  })

  test('its consumers are gone when it is closed', async () => {
    await publisher.promote(ONE, 1, 0, content('x'))
    const assistants = await follow()
    expect(await publisher.consumers()).toBe(1)
    await assistants.close()
    expect(await publisher.consumers()).toBe(0)
  })
})
