// Does what a plan says, step by step, each on the very state that the plan saw. One that fails does not keep the
// others from being done; what goes further than one assistant ends it.
import { defined } from '../defined.js'
import { EXIT, type ExitCode, Failure } from '../failure.js'
import { hasConverged } from '../output/receipt.js'
import {
  createAssistant,
  deleteAssistant,
  promoteAssistant,
  updateAssistant,
  type Wait,
} from '../service/assistants.js'
import type { Answer, Order, Service } from '../service/service.js'
import { settled } from '../service/settled.js'
import type { Assistant, Receipt } from '../service/shapes.js'
import { type Action, isChange } from './plan.js'

export interface Step {
  readonly action: Action
  readonly outcome: 'done' | 'failed' | 'not tried'
  /** Why it failed, or was not tried. */
  readonly error?: string
  readonly version?: number
  /** Of the promotion, where it was waited for the runners. */
  readonly revision?: number
  /** False when it was waited for the runners and they have not converged. */
  readonly converged?: boolean
  /** Absent where nobody waited, or the service has no view of the runners. */
  readonly receipt?: Receipt
}

export interface Executed {
  readonly steps: readonly Step[]
  readonly exit: ExitCode
}

export async function execute(
  service: Service,
  actions: readonly Action[],
  order: Order,
  wait: Wait,
  onStep: (step: Step) => Promise<void>,
): Promise<Executed> {
  const steps: Step[] = []
  const failures: Failure[] = []
  let ended: string | undefined
  for (const action of actions.filter(isChange)) {
    const held =
      ended ?? (action.action === 'delete' && failures.length > 0 ? 'another step failed' : undefined)
    const step = held === undefined ? await stepOf() : { action, outcome: 'not tried' as const, error: held }
    steps.push(step)
    await onStep(step)

    async function stepOf(): Promise<Step> {
      try {
        return { action, outcome: 'done', ...(await done(service, action, order, wait)) }
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        failures.push(error)
        // Without a code it was no refusal of this one step: the service is out of reach, or nobody may do that.
        if (error.code === undefined || error.code === 'unavailable') ended = 'the step before it failed'
        return { action, outcome: 'failed', error: error.message }
      }
    }
  }
  return { steps, exit: exitOf(steps, failures) }
}

function exitOf(steps: readonly Step[], failures: readonly Failure[]): ExitCode {
  if (failures.some(({ exit }) => exit !== EXIT.changed)) return EXIT.failed
  if (failures.length > 0) return EXIT.changed
  return steps.some(({ converged }) => converged === false) ? EXIT.differs : EXIT.ok
}

async function done(
  service: Service,
  action: Action,
  order: Order,
  wait: Wait,
): Promise<Pick<Step, 'version' | 'revision' | 'converged' | 'receipt'>> {
  const { assistant_id: id, name, where } = action
  const named = { ...order, what: `${name} (${where})` }
  switch (action.action) {
    case 'create': {
      const answer = await created(createAssistant(service, action.body, named))
      const receipt = wait.wait === undefined ? undefined : await settled(service, id, wait)
      return ended({ ...answer, body: { ...answer.body, ...defined({ receipt }) } }, wait)
    }
    case 'update': {
      const { to, revision } = action
      const placing = to === null ? { promote: false } : { promote_to: to, ...wait }
      const answer = await updateAssistant(service, id, action.body, placing, { ...named, ifMatch: revision })
      return ended(answer, to === null ? {} : wait)
    }
    case 'promote': {
      const { version, to: environment, revision } = action
      const answer = await promoteAssistant(
        service,
        id,
        { version, environment, ...wait },
        { ...named, ifMatch: revision },
      )
      return ended(answer, wait)
    }
    case 'delete':
      await deleteAssistant(service, id, { ...named, ifMatch: action.revision })
      return {}
    case 'none':
      return {}
    default:
      return action satisfies never
  }
}

function ended({ body, headers }: Answer<Assistant>, { wait }: Wait) {
  const { version, receipt } = body
  if (wait === undefined) return { version }
  const revision = Number(headers.get('ledger-revision'))
  return { version, revision, converged: hasConverged(receipt), ...defined({ receipt }) }
}

/** One that came to be since the plan was made is a change of somebody else's. */
async function created<T>(creation: Promise<T>): Promise<T> {
  try {
    return await creation
  } catch (error) {
    if (error instanceof Failure && error.code === 'already-exists')
      throw new Failure(
        error.message.replace(/;.*$/, '; it came to be meanwhile: plan again'),
        EXIT.changed,
        error.code,
      )
    throw error
  }
}
