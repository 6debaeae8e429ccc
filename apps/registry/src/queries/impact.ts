// What a promotion would do, of a version that is there or of one that an update would make: what the command would be
// answered, found out by its own steps with nothing appended, what would change where it is promoted to, and which runners
// it would reach.
import {
  type Actor,
  type Command,
  type ContentPatch,
  changedContent,
  type Decision,
  type JsonObject,
  type JsonValue,
  LIVE,
  type RunnerReport,
} from '@assistant-ledger/assistant'
import {
  type Chronicle,
  HISTORY_LIMITS,
  impactOf,
  type Point,
  type RunnerThere,
  reportEntryOf,
  type VersionOf,
} from '@assistant-ledger/history'
import type { Filter } from '../auth/authorizer.js'
import { seesOf } from '../auth/sees.js'
import { BusReply, RefusalError } from '../bus/contract.js'
import { patchOf } from '../commands/commands.js'
import type { CommandService } from '../commands/execute.js'
import { invalid } from '../envelope.js'
import type { FleetService } from '../fleet/answer.js'
import { LIMITS } from '../limits.js'
import type { PastService } from './past.js'
import type { ImpactRequest } from './past-requests.js'

/** A version that is there, or the content that an update would make one of. */
type Wanted =
  | { readonly type: 'version'; readonly point: Point }
  | { readonly type: 'content'; readonly patch: ContentPatch }

interface Candidate {
  readonly verb: 'promote' | 'update'
  readonly command: Command
  readonly candidate: VersionOf
}

export class ImpactService {
  constructor(
    private readonly past: PastService,
    private readonly commands: Pick<CommandService, 'foresee'>,
    private readonly fleet: Pick<FleetService, 'fleet'>,
  ) {}

  /** @param visible what the asker may see; undefined: everything */
  impact(request: ImpactRequest, actor: Actor, visible?: Filter): Promise<BusReply> {
    const wanted = wantedIn(request)
    this.past.mustBeDeclared(request.environment)
    if (wanted.type === 'version') this.past.mustBeOfDeclared(wanted.point, 'from')
    return this.past.places.take(() => this.foreseen(request, wanted, actor, visible))
  }

  private async foreseen(
    { assistant_id, environment }: ImpactRequest,
    wanted: Wanted,
    actor: Actor,
    visible: Filter | undefined,
  ): Promise<BusReply> {
    const chronicle = await this.past.readable(assistant_id, seesOf(visible))
    const { assistantId } = chronicle
    const { verb, command, candidate } = await this.candidateIn(chronicle, wanted, environment, visible)
    const seen = visible ? { visible } : {}
    const [foreseen, present, runners, reports] = await Promise.all([
      this.commands.foresee(
        { verb, assistantId, givenId: assistantId, request: {}, command, ...seen },
        { actor },
      ),
      this.presentIn(chronicle, environment, visible),
      this.runnersIn(environment),
      this.reportsOf(assistantId),
    ])
    const schema = await this.past.schemaOf(candidate.content.graph_id)
    const impact = impactOf({
      assistantId,
      environment,
      candidate,
      present,
      environments: environmentsOf(chronicle),
      runners,
      reports,
      violations: foreseen.violations as unknown as JsonValue[],
      ...(schema === undefined ? {} : { schema }),
    })
    const body = { decision: decisionOf(foreseen.decision), ...impact }
    return new BusReply(body as unknown as JsonObject, { 'Ledger-Position': String(chronicle.position) })
  }

  /** What would be promoted, and the command that would do it. @throws RefusalError of a content that no version may have */
  private async candidateIn(
    chronicle: Chronicle,
    wanted: Wanted,
    environment: string,
    visible: Filter | undefined,
  ): Promise<Candidate> {
    const sees = seesOf(visible)
    if (wanted.type === 'version') {
      const candidate = versionOf(await this.past.found(chronicle, wanted.point, environment, sees))
      const command = { type: 'promote', environment, version: candidate.version } as const
      return { verb: 'promote', command, candidate }
    }
    const { patch } = wanted
    const live = await this.past.found(chronicle, { type: 'environment', environment: LIVE }, LIVE, sees)
    const made = changedContent(live.content, patch)
    if (!made.ok) throw new RefusalError(made.refusal)
    const { generation, life } = chronicle.now
    const candidate = { generation, version: (life?.highest ?? 0) + 1, content: made.value }
    return { verb: 'update', command: { type: 'change', patch, promote_to: environment }, candidate }
  }

  /** What the environment shows; undefined: nothing, or nothing that may be seen. */
  private async presentIn(
    chronicle: Chronicle,
    environment: string,
    visible: Filter | undefined,
  ): Promise<VersionOf | undefined> {
    try {
      const point = { type: 'environment', environment } as const
      return versionOf(await this.past.found(chronicle, point, environment, seesOf(visible)))
    } catch (error) {
      if (error instanceof RefusalError && error.refusal.code === 'not-found') return undefined
      throw error
    }
  }

  private async runnersIn(environment: string): Promise<RunnerThere[]> {
    const all: RunnerThere[] = []
    for (;;) {
      const page = { environment, limit: LIMITS.pageSize, offset: all.length }
      const { body } = await this.fleet.fleet(page)
      const runners = body as unknown as RunnerThere[]
      all.push(...runners)
      if (runners.length < LIMITS.pageSize) return all
    }
  }

  /** What runners reported of the assistant, newest first, as far back as a page of history would go. */
  private async reportsOf(assistantId: string): Promise<RunnerReport[]> {
    const { past } = this.past
    const reports: RunnerReport[] = []
    const stream = past.fleetStreamOf(assistantId)
    const newest = { direction: 'backward', limit: HISTORY_LIMITS.page } as const
    for await (const event of past.log.readStream(stream, newest))
      reports.push(...[...(reportEntryOf(assistantId, event)?.reports ?? [])].reverse())
    return reports
  }
}

/** @throws RefusalError `invalid-request` */
function wantedIn({ assistant_id: _, environment: __, version, from, ...given }: ImpactRequest): Wanted {
  const patch = patchOf(given)
  const brings = Object.keys(patch).length > 0
  if ([version !== undefined, from !== undefined, brings].filter(Boolean).length !== 1)
    throw invalid('Give either version, or from, or what an update would change', 'version')
  if (version !== undefined) return { type: 'version', point: { type: 'version', version } }
  if (from !== undefined) return { type: 'version', point: { type: 'environment', environment: from } }
  return { type: 'content', patch }
}

const environmentsOf = ({ now }: Chronicle) =>
  [...(now.life?.pointers ?? [])].map(([environment, { version }]) => ({ environment, version }))

function decisionOf(decision: Decision): JsonObject {
  switch (decision.type) {
    case 'events':
      return { type: 'promoted' }
    case 'refused':
      return { type: 'refused', refusal: { ...decision.refusal } as unknown as JsonObject }
    case 'unchanged':
    case 'repeated':
      return { type: 'unchanged' }
    default:
      return decision satisfies never
  }
}

function versionOf({ made, content }: Awaited<ReturnType<PastService['found']>>): VersionOf {
  const { generation, version } = made
  return { generation, version, content }
}
