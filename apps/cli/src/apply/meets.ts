// What a step of a plan would meet in the service, by its own checks and with nothing done: a graph that it does not know,
// what looks like a secret, what the graph's schema does not allow; and others of the same name.
import { Failure } from '../failure.js'
import { violationIn } from '../output/foreseen.js'
import type { Creation } from '../service/assistants.js'
import { type Foreseen, getImpact, getImpactOf } from '../service/history.js'
import { listed, namesakes, systemAssistant } from '../service/naming.js'
import type { Answer, Service } from '../service/service.js'
import type { Action } from './plan.js'

/** In words; absent: nothing of the kind. */
export interface Meets {
  /** What it would be refused with. */
  readonly refused?: string
  readonly violations?: readonly string[]
  /** Those that have its name already. */
  readonly namesakes?: string
}

/** @throws Failure where the service cannot be asked */
export async function meetsOf(service: Service, action: Action): Promise<Meets> {
  const { assistant_id: id, name } = action
  switch (action.action) {
    case 'create': {
      const { body } = action
      const [checked, same] = await Promise.all([
        foreseen(() => ofNew(service, body)),
        namesakes(service, name),
      ])
      return { ...checked, ...(same.length > 0 ? { namesakes: listed(same) } : {}) }
    }
    case 'update':
      return foreseen(() => getImpactOf(service, id, action.body, action.to ?? 'live'))
    case 'promote':
      return foreseen(() => getImpact(service, id, { version: action.version, environment: action.to }))
    case 'delete':
    case 'none':
      return {}
    default:
      return action satisfies never
  }
}

/** One that is not there has no impact: what its content meets is what the graph's own assistant would meet with it. */
async function ofNew(
  service: Service,
  { assistant_id: _, if_exists: __, ...content }: Creation,
): Promise<Answer<Foreseen> | undefined> {
  const system = await systemAssistant(service, content.graph_id)
  return system && getImpactOf(service, system.assistant_id, content, 'live')
}

async function foreseen(ask: () => Promise<Answer<Foreseen> | undefined>): Promise<Meets> {
  try {
    const { decision, violations = [] } = (await ask())?.body ?? {}
    const { refusal } = decision ?? {}
    return {
      ...(refusal === undefined ? {} : { refused: `${refusal.detail} (${refusal.code})` }),
      ...(violations.length === 0 ? {} : { violations: violations.map(violationIn) }),
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    // Who may not look at the graph's assistant may have one of it all the same.
    if (error.status === 403) return {}
    if (error.code === undefined || error.code === 'unavailable') throw error
    return { refused: error.message.replace(/^(impact|search): /, '') }
  }
}
