import { type RefusalCode, refuse } from '@assistant-ledger/assistant'
import { expect, test } from '@jest/globals'
import { BusReply, RefusalError } from '../bus/contract.js'
import type { Received } from '../commands/execute.js'
import { createSystemAssistants } from './system-assistants.js'

const GRAPHS = ['one', 'two', 'three'].map((id) => ({ id }))

/** Creates them all but the second, which fails with that. */
async function made(failure: Error) {
  const graphs: unknown[] = []
  const warnings: string[] = []
  const execute = async ({ request }: Received) => {
    if (request.graph_id === 'two') throw failure
    graphs.push(request.graph_id)
    return new BusReply(null)
  }
  await createSystemAssistants({ execute }, 'default', GRAPHS, (line) => warnings.push(line))
  return { graphs, warnings }
}

const refusal = (code: RefusalCode) => new RefusalError(refuse(code, 'the reason'))

test.each(['unreadable', 'graph-not-found', 'likely-secret'] as const)(
  'given one that is refused as %s, then the others are made and one line says why',
  async (code) => {
    expect(await made(refusal(code))).toEqual({
      graphs: ['one', 'three'],
      warnings: [expect.stringMatching(/graph two .*the reason/)],
    })
  },
)

test.each([refusal('unavailable'), new Error('the house is on fire')])(
  'given one that fails as everything would (%p), then the start does too',
  async (failure) => {
    await expect(made(failure)).rejects.toBe(failure)
  },
)
