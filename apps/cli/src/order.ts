// An order that makes a version or moves an environment: sent as its options say, waited for where they say so, and told.
import type { Change } from '@assistant-ledger/history'
import type { Context } from './context.js'
import { defined } from './defined.js'
import { type MoveOptions, orderOf, type SecretsOptions, waitOf, waitSeconds } from './options.js'
import { showChanges } from './output/difference.js'
import { report, whileWaiting } from './output/receipt.js'
import type { Wait } from './service/assistants.js'
import type { Answer, Order, Service } from './service/service.js'
import type { Assistant } from './service/shapes.js'

export interface Move {
  /** Names the order in a message: `promote Blog`. */
  readonly what: string
  /** The environment that moves; absent: `live`, or none. */
  readonly environment: string | undefined
  /** The revision that the assistant must still have. */
  readonly ifMatch?: number | string | undefined
  readonly send: (wait: Wait, order: Order) => Promise<Answer<Assistant>>
  /** What was done, in words. */
  readonly done: (assistant: Assistant) => string
  /** What the new version differs in, where that is to be told. */
  readonly changes?: readonly Change[]
}

/** Exit code 3 when its runners were waited for and have not converged. @throws Failure */
export async function move(
  context: Context,
  service: Service,
  options: MoveOptions & SecretsOptions,
  { what, environment, ifMatch, send, done, changes = [] }: Move,
): Promise<void> {
  const { output } = context
  const seconds = waitSeconds(options)
  const order = { ...orderOf(options), what, ...defined({ ifMatch }) }
  const answer = await whileWaiting(context, seconds, send(waitOf(options), order))
  if (output.mode !== 'json')
    for (const line of await showChanges(changes, output.colours)) await output.line(line)
  await report(context, service, answer, {
    done: done(answer.body),
    environment,
    waited: seconds !== undefined,
  })
}
