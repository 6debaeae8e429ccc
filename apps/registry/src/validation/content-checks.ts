// What the schemas in force say of the content that a command brings or promotes, found out before it is decided. A content
// is fine when it fits one of them: while runners of two builds are live, each of the two has its own.
import {
  type Command,
  type Content,
  intoOf,
  type SchemaCheck,
  type State,
  subjectOf,
  type Violation,
  wasThere,
} from '@assistant-ledger/assistant'
import { ReadModelUnavailable } from '@assistant-ledger/read-model'
import { RefusalError } from '../bus/contract.js'
import type { GraphDescriptors, RegisteredDescriptor } from '../graphs/descriptors.js'
import type { ValidationSettings } from '../settings.js'
import type { Streams } from '../streams.js'
import { VALIDATION_LIMITS } from './limits.js'
import { PARTS, type Part, schemaOf } from './parts.js'
import type { SchemaChecker } from './schema-checker.js'
import { violationsOf } from './told.js'

interface Misfit {
  readonly count: number
  readonly violations: readonly Violation[]
}

export class ContentChecks {
  constructor(
    private readonly settings: ValidationSettings,
    private readonly descriptors: Pick<GraphDescriptors, 'inForce'>,
    private readonly streams: Streams,
    private readonly checker: Pick<SchemaChecker, 'check'>,
  ) {}

  /**
   * What `decide` has to know; undefined when nothing is to be said.
   * @param state with what deciding the command takes
   * @throws ReadModelUnavailable or RefusalError `busy`: it has to be known, and cannot be found out now
   */
  async of(assistantId: string, state: State, command: Command): Promise<SchemaCheck | undefined> {
    const { mode, protectedEnvironments } = this.settings
    const into = intoOf(command)
    const isProtected = into !== undefined && protectedEnvironments.has(into)
    if (mode === 'off' && !isProtected) return undefined
    const subject = subjectOf(state, command)
    if (!subject) return undefined
    const finding =
      subject.type === 'content'
        ? this.violations(subject.graph_id, into, subject.content)
        : this.versionViolations(assistantId, state, subject.version, into)
    const found = { enforced: mode === 'enforce', protectedEnvironments, wasThere: false }
    const matters = subject.type === 'content' ? isProtected || found.enforced : isProtected
    if (!matters || command.type === 'rollback') return { ...found, violations: await inTime(finding) }
    if (subject.type === 'content') return { ...found, violations: await finding }
    return { ...found, ...(await this.unlessThere(finding, assistantId, subject.version, into as string)) }
  }

  /** Whether a version was there before is only asked when it matters: the whole stream is read for it. */
  private async unlessThere(
    finding: Promise<readonly Violation[]>,
    assistantId: string,
    version: number,
    environment: string,
  ): Promise<Pick<SchemaCheck, 'violations' | 'wasThere'>> {
    const [found] = await Promise.allSettled([finding])
    if (found.status === 'fulfilled' && found.value.length === 0) return { violations: [], wasThere: false }
    let was = false
    for await (const { event } of this.streams.events(assistantId, 0n))
      was = wasThere(was, event, { version, environment })
    if (found.status === 'fulfilled') return { violations: found.value, wasThere: was }
    if (was && cannotBeFoundOut(found.reason)) return { violations: [], wasThere: was }
    throw found.reason
  }

  private async versionViolations(
    assistantId: string,
    state: State,
    version: number,
    into: string | undefined,
  ): Promise<readonly Violation[]> {
    const content = await this.streams.contentOf(assistantId, state, version)
    return this.violations(content.graph_id, into, () => content)
  }

  /** @param made the content; undefined when it breaks a rule anyway */
  private async violations(
    graphId: string,
    into: string | undefined,
    made: () => Content | undefined,
  ): Promise<readonly Violation[]> {
    const { descriptors, incomplete } = await this.descriptors.inForce(graphId, into)
    const content = descriptors.length === 0 ? undefined : made()
    if (!content) return []
    let best: Misfit | undefined
    for (const registered of descriptors) {
      const misfit = await this.misfit(registered, content)
      if (misfit.count === 0) return []
      if (!best || misfit.count < best.count) best = misfit
    }
    // What fits none of those that are known may fit the one that is not.
    return incomplete || !best ? [] : best.violations.slice(0, VALIDATION_LIMITS.violations)
  }

  private async misfit(registered: RegisteredDescriptor, content: Content): Promise<Misfit> {
    const found: Misfit[] = []
    for (const part of PARTS) found.push(await this.misfitOf(part, registered, content))
    return {
      count: found.reduce((sum, { count }) => sum + count, 0),
      violations: found.flatMap(({ violations }) => violations),
    }
  }

  private async misfitOf(part: Part, registered: RegisteredDescriptor, content: Content): Promise<Misfit> {
    const { graphId, hash, descriptor } = registered
    const schema = schemaOf(part, descriptor)
    if (!schema) return FITS
    const value = part.valueIn(content)
    const verdict = await this.checker.check(`${part.schema} of graph ${graphId} (${hash})`, schema, value)
    switch (verdict.type) {
      case 'unknown':
        return FITS
      case 'unfinished':
        return { count: 1, violations: [{ pointer: part.pointer, message: UNFINISHED, descriptor: hash }] }
      case 'checked': {
        const violations = violationsOf(verdict.errors, part.pointer, hash)
        return { count: violations.length + verdict.count - verdict.errors.length, violations }
      }
      default:
        return verdict satisfies never
    }
  }
}

const FITS: Misfit = { count: 0, violations: [] }
const UNFINISHED = 'could not be checked against the schema in time'

/** What is only noted holds nothing up: it is not, when it cannot be found out now. */
async function inTime(finding: Promise<readonly Violation[]>): Promise<readonly Violation[]> {
  let late: NodeJS.Timeout | undefined
  const none = new Promise<readonly Violation[]>((resolve) => {
    late = setTimeout(() => resolve([]), VALIDATION_LIMITS.noted_ms)
  })
  const found = finding.catch((error) => {
    if (cannotBeFoundOut(error)) return []
    throw error
  })
  return Promise.race([found, none]).finally(() => clearTimeout(late))
}

const cannotBeFoundOut = (error: unknown): boolean =>
  error instanceof ReadModelUnavailable || error instanceof RefusalError
