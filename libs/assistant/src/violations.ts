// What the schemas of a graph find in a content, and when that is more than noted. The schemas and the check itself are
// no business of the domain: what was found comes in with the command.
import type { Actor } from './events.js'
import { type Refusal, refuse } from './refusal.js'

/** One thing in a content that a schema does not allow. */
export interface Violation {
  /** JSON pointer from the content's fields on, such as `/context/model`. */
  readonly pointer: string
  /** What is wrong there, such as "must be string". Never anything of the value. */
  readonly message: string
  /** The hash of the graph's descriptor whose schema says so. */
  readonly descriptor: string
}

/** The rules of this service, and what is known of the content that a command records or points to. */
export interface SchemaCheck {
  /** What the best fitting of the schemas in force finds; empty when one fits, or none is known. */
  readonly violations: readonly Violation[]
  /** Whether what does not fit may not be recorded. */
  readonly enforced: boolean
  /** The environments that nothing may enter that does not fit. */
  readonly protectedEnvironments: ReadonlySet<string>
  /** Whether the version was in the environment before, in this life: then it may always go back. */
  readonly wasThere: boolean
}

/**
 * Why a content may not be recorded, or may not go into an environment; undefined when it may.
 * @param into absent: it goes nowhere yet
 */
export function misfit(
  { violations, enforced, protectedEnvironments }: SchemaCheck,
  actor: Actor,
  into: string | undefined,
): Refusal | undefined {
  const isProtected = into !== undefined && protectedEnvironments.has(into)
  // The service's own are never in the way of its start.
  if (violations.length === 0 || !(enforced || isProtected) || actor.via === 'system') return undefined
  const [first, ...more] = violations as [Violation, ...Violation[]]
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  const where = isProtected ? `, and environment ${into} is protected` : ''
  return refuse(
    'invalid-config',
    `The content fits no schema that is known of its graph: ${first.pointer} ${first.message}${others}${where}`,
    { field: first.pointer, violations },
  )
}
