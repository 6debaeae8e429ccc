// What a promotion would change, from what the caller has collected: nothing is asked and nothing appended here.
import { type Content, contentHash, type JsonValue, type RunnerReport } from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client/reference'
import { type Change, changesOf } from './difference.js'
import { type PatchOperation, patchOf } from './patch.js'
import { renderChanges } from './render.js'

export interface VersionOf {
  readonly generation: number
  readonly version: number
  readonly content: Content
}

/** A runner as the fleet shows it. */
export interface RunnerThere {
  readonly runner: string
  readonly instance: string
  readonly environment: string
  readonly graphs: readonly string[]
  /** The only assistants that it follows; absent: all of its graphs. */
  readonly assistants?: readonly string[]
  /** `gone` ones count for nothing. */
  readonly state?: string
}

export interface Collected {
  readonly assistantId: string
  readonly environment: string
  /** What would be promoted. */
  readonly candidate: VersionOf
  /** What the environment shows now; undefined: nothing yet. */
  readonly present: VersionOf | undefined
  /** Where each environment points. */
  readonly environments: readonly { readonly environment: string; readonly version: number | null }[]
  readonly runners: readonly RunnerThere[]
  /** Where the candidate does not fit the graph's schemas, as far as that was checked. */
  readonly violations?: readonly JsonValue[]
  /** What runners reported of the assistant before, newest first. */
  readonly reports?: readonly RunnerReport[]
  /** Of the context. */
  readonly schema?: JsonValue
}

type Named = Pick<RunnerThere, 'runner' | 'instance'>

export interface Impact {
  readonly assistant_id: string
  readonly environment: string
  /** References. */
  readonly from: string | null
  readonly to: string
  readonly patch: readonly PatchOperation[]
  readonly changes: readonly Change[]
  readonly text: string
  /** Environments that show the candidate already. */
  readonly shown_in: readonly string[]
  /** Live runners that would swap to it. */
  readonly reached: readonly Named[]
  /** Live runners that would lose the assistant, since it moves to a graph that they do not follow. */
  readonly lost: readonly Named[]
  /** Of those reached, the ones whose last word on this very content was a refusal. */
  readonly would_refuse: readonly (Named & { readonly reason: string; readonly at: string })[]
  readonly violations: readonly JsonValue[]
}

export function impactOf(collected: Collected): Impact {
  const { assistantId, environment, candidate, present, environments, runners } = collected
  const { violations = [], reports = [], schema } = collected
  const hash = contentHash(candidate.content)
  const there = runners.filter((runner) => runner.state !== 'gone' && runner.environment === environment)
  const follows = ({ graphs, assistants }: RunnerThere, graph: string) =>
    graphs.includes(graph) && (assistants?.includes(assistantId) ?? true)
  const reached = there.filter((runner) => follows(runner, candidate.content.graph_id))
  const lost = there.filter(
    (runner) => present && follows(runner, present.content.graph_id) && !reached.includes(runner),
  )
  const before = present?.content ?? NOTHING
  const changes = changesOf(before, candidate.content, schema)
  return {
    assistant_id: assistantId,
    environment,
    from: present ? refOf(assistantId, present) : null,
    to: refOf(assistantId, candidate),
    patch: patchOf(before, candidate.content),
    changes,
    text: renderChanges(changes),
    shown_in: environments.flatMap((one) => (one.version === candidate.version ? [one.environment] : [])),
    reached: reached.map(named),
    lost: lost.map(named),
    would_refuse: reached.flatMap((runner) => {
      // By name: another process of it runs the same code, as far as anybody knows.
      const word = reports.find((report) => report.runner === runner.runner && report.hash === hash)
      if (word?.status !== 'rejected') return []
      return [{ ...named(runner), reason: word.reason ?? 'no reason given', at: word.at }]
    }),
    violations,
  }
}

/** What an environment shows that points nowhere. */
const NOTHING: Content = { graph_id: '', name: '', description: null, config: {}, context: {}, metadata: {} }

const named = ({ runner, instance }: RunnerThere): Named => ({ runner, instance })

const refOf = (assistantId: string, { generation, version, content }: VersionOf): string =>
  printReference({ assistantId, generation, version, contentHash: contentHash(content) })
