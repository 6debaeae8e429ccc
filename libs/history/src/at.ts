// The assistant at a point of its life: which version that was, and its content.
import { type Content, LIVE } from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client/reference'
import type { Chronicle, Made, Pointed } from './chronicle.js'
import type { Past } from './past.js'
import type { Point } from './points.js'

/** A version that a point meant. */
export interface Resolved {
  readonly type: 'version'
  readonly made: Made
  /** When that life of the id began. */
  readonly createdAt: string
  /** Where the environment pointed, for points that go by one. */
  readonly pointed: Pointed | undefined
  /** Revision of the assistant's newest event at that point; for a version, of the event that made it. */
  readonly revision: bigint
  /** Names the content. */
  readonly ref: string
}

/** What there was none of. */
export interface NotThere {
  readonly type: 'not-there'
  readonly what: 'assistant' | 'version' | 'environment'
  /** A sentence for a person. */
  readonly detail: string
}

/** @param environment the one that is meant by times and positions */
export function resolve(chronicle: Chronicle, point: Point, environment: string = LIVE): Resolved | NotThere {
  switch (point.type) {
    case 'version': {
      const { generation = chronicle.now.generation, version } = point
      const made = chronicle.version(generation, version)
      if (made) return resolved(chronicle, made, undefined, made.revision)
      const of = point.generation === undefined ? '' : ` of generation ${generation}`
      return notThere('version', `Version ${version}${of} not found for assistant ${chronicle.assistantId}`)
    }
    case 'environment':
      return shown(chronicle, chronicle.next - 1n, point.environment, '')
    case 'time':
      return shown(chronicle, chronicle.revisionAt(point), environment, ` at ${point.at}`)
    case 'position':
      return shown(chronicle, chronicle.revisionAt(point), environment, ` at position ${point.position}`)
    default:
      return point satisfies never
  }
}

/** The content that a point means, with where it comes from. */
export async function contentAt(
  past: Past,
  chronicle: Chronicle,
  point: Point,
  environment: string = LIVE,
): Promise<(Resolved & { readonly content: Content }) | NotThere> {
  const found = resolve(chronicle, point, environment)
  if (found.type === 'not-there') return found
  return { ...found, content: await past.contentOf(chronicle, found.made) }
}

function shown(
  chronicle: Chronicle,
  revision: bigint,
  environment: string,
  when: string,
): Resolved | NotThere {
  const { generation, life } = chronicle.after(revision)
  if (!life)
    return notThere(
      'assistant',
      generation === 0
        ? `The assistant did not exist${when}${createdIn(chronicle)}`
        : `The assistant is one that was deleted${when}`,
    )
  const pointed = life.pointers.get(environment)
  const made = pointed && chronicle.version(generation, pointed.version)
  if (!made)
    return notThere('environment', `The assistant had no version in environment ${environment}${when}`)
  return resolved(chronicle, made, pointed, revision)
}

/** Its first day, as the end of a sentence; nothing where it never was. */
function createdIn(chronicle: Chronicle): string {
  const first = chronicle.timeOf(0n)
  return first === '' ? '' : `; it was created at ${first}`
}

function resolved(
  chronicle: Chronicle,
  made: Made,
  pointed: Pointed | undefined,
  revision: bigint,
): Resolved {
  const { assistantId } = chronicle
  const { generation, version, hash: contentHash } = made
  const createdAt = chronicle.version(generation, 1)?.at ?? made.at
  const ref = printReference({ assistantId, generation, version, contentHash })
  return { type: 'version', made, createdAt, pointed, revision, ref }
}

const notThere = (what: NotThere['what'], detail: string): NotThere => ({ type: 'not-there', what, detail })
