// What a promotion would do: what it would be answered, found out by the steps of the command itself with nothing appended,
// what would change where it is promoted to, and which runners it would reach.
import {
  type Actor,
  type Decision,
  type JsonObject,
  type JsonValue,
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
import type { CommandService } from '../commands/execute.js'
import { invalid } from '../envelope.js'
import type { FleetService } from '../fleet/answer.js'
import { LIMITS } from '../limits.js'
import type { PastService } from './past.js'
import type { ImpactRequest } from './past-requests.js'

export class ImpactService {
  constructor(
    private readonly past: PastService,
    private readonly commands: Pick<CommandService, 'foresee'>,
    private readonly fleet: Pick<FleetService, 'fleet'>,
  ) {}

  /** @param visible what the asker may see; undefined: everything */
  impact(request: ImpactRequest, actor: Actor, visible?: Filter): Promise<BusReply> {
    const point = pointOf(request)
    this.past.mustBeDeclared(request.environment)
    this.past.mustBeOfDeclared(point, 'from')
    return this.past.places.take(() => this.foreseen(request, point, actor, visible))
  }

  private async foreseen(
    request: ImpactRequest,
    point: Point,
    actor: Actor,
    visible: Filter | undefined,
  ): Promise<BusReply> {
    const { environment } = request
    const sees = seesOf(visible)
    const chronicle = await this.past.readable(request.assistant_id, sees)
    const { assistantId } = chronicle
    const candidate = versionOf(await this.past.found(chronicle, point, environment, sees))
    const [foreseen, present, runners, reports] = await Promise.all([
      this.commands.foresee(
        {
          verb: 'promote',
          assistantId,
          givenId: assistantId,
          request: {},
          command: { type: 'promote', environment, version: candidate.version },
          ...(visible ? { visible } : {}),
        },
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
function pointOf({ version, from }: ImpactRequest): Point {
  if (version !== undefined && from === undefined) return { type: 'version', version }
  if (version === undefined && from !== undefined) return { type: 'environment', environment: from }
  throw invalid('Give either version or from', 'version')
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
