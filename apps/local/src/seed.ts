// The seed example: two assistants that share the writer graph and differ in prompt and model. Their ids and
// keys are fixed, so that a second start, or a first one that was broken off, adds nothing twice.
import { type Assistant, type Bus, Refused } from './bus.js'

export const BLOG = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0001'
export const TWEET = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0002'

const SEED = [
  {
    assistant_id: BLOG,
    graph_id: 'writer',
    name: 'blog writer',
    description: 'Long and calm',
    context: { prompt: 'Write a blog post.', model: 'sample-deep' },
    metadata: { seed: true },
  },
  {
    assistant_id: TWEET,
    graph_id: 'writer',
    name: 'tweet writer',
    description: 'Short and loud',
    context: { prompt: 'Write a tweet.', model: 'sample-swift' },
    metadata: { seed: true },
  },
] as const

export interface Seeded {
  readonly assistants: readonly Assistant[]
  /** Whether at least one of them was made just now. */
  readonly added: boolean
}

/**
 * Finds the seed's assistants as they were left, and makes those that never were. One that somebody deleted stays
 * deleted: the key of its first creation gives that first answer again and changes nothing.
 */
export async function seed(bus: Bus): Promise<Seeded> {
  const assistants: Assistant[] = []
  let added = false
  for (const wanted of SEED) {
    let found = await find(bus, wanted.assistant_id)
    if (found === undefined) {
      await bus.request('create', wanted, { 'Idempotency-Key': `seed-${wanted.assistant_id}` })
      found = await find(bus, wanted.assistant_id)
      added ||= found !== undefined
    }
    if (found !== undefined) assistants.push(found)
  }
  return { assistants, added }
}

/** The scene needs both: one that was deleted is made anew, as the next generation of its id. */
export async function reseed(bus: Bus): Promise<void> {
  for (const wanted of SEED) await bus.request('create', { ...wanted, if_exists: 'do_nothing' })
}

async function find(bus: Bus, id: string): Promise<Assistant | undefined> {
  try {
    return await bus.request<Assistant>('get', { assistant_id: id })
  } catch (error) {
    if (error instanceof Refused && error.code === 'not-found') return undefined
    throw error
  }
}
