// The fleet as the query shows it: who is there, what each runner is on, and where an assistant's promotion stands.
import {
  type Convergence,
  type JsonObject,
  type JsonValue,
  refuse,
  runnerKey,
} from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client'
import type {
  PromotionOfContent,
  PromotionRow,
  ReadModel,
  RunnerOn,
  RunnerProcess,
  RunnerRow,
} from '@assistant-ledger/read-model'
import type { Filter } from '../auth/authorizer.js'
import { BusReply, RefusalError } from '../bus/contract.js'
import type { Project } from '../project.js'
import { unknownEnvironment } from '../queries/environments.js'
import type { FleetRequest } from '../queries/requests.js'
import { timeMustHaveBeen } from '../queries/yet-to-come.js'
import { convergenceAt, convergenceNow, convergenceSince } from './convergence.js'
import { endOf } from './ended.js'
import { FLEET_LIMITS } from './limits.js'
import type { Present } from './presence.js'
import { type Question, questionOf } from './question.js'
import { visibleOf } from './visible.js'

type Asked<Type extends Question['type']> = Question & { readonly type: Type }

export class FleetService {
  constructor(
    private readonly model: ReadModel,
    private readonly presence: { readonly present: readonly Present[] },
    private readonly project: Pick<Project, 'environments'>,
  ) {}

  /** @param visible what the asker may see of an assistant's versions; undefined: all */
  async fleet(request: FleetRequest, visible?: Filter): Promise<BusReply> {
    const { position } = this.model
    const answer = await this.answer(questionOf(request), visible)
    return new BusReply(answer, { 'Ledger-Position': String(position) })
  }

  private answer(question: Question, visible: Filter | undefined): Promise<JsonValue> {
    switch (question.type) {
      case 'runners':
        return this.runners(question)
      case 'promotions':
        return this.promotions(question, visible)
      case 'standing':
        return this.standing(question, visible)
      default:
        return question satisfies never
    }
  }

  private async runners({ type: _, ...query }: Asked<'runners'>): Promise<JsonValue> {
    const { environment, runner } = query
    if (environment !== undefined) this.mustBeDeclared(environment)
    const rows = await this.model.fleet.runners(query)
    const present = new Map(this.presence.present.map((one) => [runnerKey(one), one]))
    const shown: JsonObject[] = []
    let room = FLEET_LIMITS.assistantsOn
    for (const row of rows) {
      const on = runner === undefined ? {} : await this.assistantsOn(row, room)
      room -= on.assistants_on?.length ?? 0
      shown.push({ ...runnerOf(row, present.get(runnerKey(row))), ...on })
    }
    return shown
  }

  /** What a process is on is known of it as it is, or last was: not of a stay before another one. */
  private async assistantsOn(
    row: RunnerRow,
    room: number,
  ): Promise<{ assistants_on?: JsonObject[]; more?: true }> {
    const { fleet } = this.model
    if (row.left !== undefined && (await fleet.cameBefore(row, END_OF_TIME)) !== row.joinedAt) return {}
    const on = await fleet.on(row, { limit: room + 1, offset: 0 })
    const assistants_on = on.slice(0, room).map(onOf)
    return { assistants_on, ...(on.length > room ? { more: true } : {}) }
  }

  private async promotions(
    { assistantId, environment, limit, offset }: Asked<'promotions'>,
    visible: Filter | undefined,
  ): Promise<JsonValue> {
    const rows = await this.model.fleet.promotions(assistantId, environment, { limit, offset })
    if (rows.length === 0 && offset === 0) throw await this.noPromotion(assistantId, environment, 'now')
    const shown = await visibleOf(this.model, assistantId, rows, visible)
    return shown.map((row) => ({
      environment,
      generation: row.generation,
      version: row.version,
      ...promotedOf(row),
    }))
  }

  private async standing(
    { assistantId, environment, which }: Asked<'standing'>,
    visible: Filter | undefined,
  ): Promise<JsonObject> {
    const { fleet } = this.model
    if (which !== 'now' && 'at' in which) timeMustHaveBeen(which.at, 'at')
    const one = await fleet.promotion(assistantId, environment, which)
    const [found] = await visibleOf(this.model, assistantId, one ? [one] : [], visible)
    if (!found) throw await this.noPromotion(assistantId, environment, which)
    const promotion = which !== 'now' && 'at' in which ? stillInForce(found) : found
    const isPresent = which === 'now' || (!('at' in which) && promotion.superseded === undefined)
    const convergence =
      which === 'now'
        ? await convergenceNow(fleet, promotion)
        : 'at' in which
          ? await convergenceAt(fleet, promotion, which.at)
          : await convergenceSince(fleet, promotion)
    return this.shown(promotion, convergence, isPresent)
  }

  private mustBeDeclared(environment: string): void {
    if (!this.project.environments.has(environment))
      throw unknownEnvironment(environment, this.project.environments)
  }

  /** Of what there is none: the environment, the assistant, or the promotion alone. */
  private async noPromotion(
    assistantId: string,
    environment: string,
    which: Asked<'standing'>['which'],
  ): Promise<RefusalError> {
    if (!this.project.environments.has(environment))
      return unknownEnvironment(environment, this.project.environments)
    const notFound = (detail: string) => new RefusalError(refuse('not-found', detail))
    const { fleet } = this.model
    const keys = await this.model.keysOf([assistantId])
    if (keys.length === 0) return notFound('Assistant not found')
    const [newest] = await fleet.promotions(assistantId, environment, { limit: 1, offset: 0 })
    if (!newest) return notFound(`No version of the assistant was ever in environment ${environment}`)
    const list = 'fleet with promotions: true lists all there were'
    if (which === 'now')
      return notFound(
        `Nothing of the assistant is in ${environment} since its deletion at revision ${newest.superseded?.revision}; ${list}`,
      )
    if ('revision' in which)
      return notFound(
        `Revision ${which.revision} of the assistant is no promotion in ${environment}; ${list}`,
      )
    return notFound(`Nothing of the assistant was in environment ${environment} at ${which.at}; ${list}`)
  }

  private async shown(
    promotion: PromotionOfContent,
    convergence: Convergence,
    isPresent: boolean,
  ): Promise<JsonObject> {
    const { promotion: _, of, active, rejected, lagging, gone, ...times } = convergence
    const others = async <Named extends RunnerProcess>(all: readonly Named[]) =>
      isPresent
        ? Promise.all(all.map(async (one) => ({ ...one, ...(await this.onNow(one, promotion)) })))
        : all
    return {
      assistant_id: promotion.assistantId,
      environment: promotion.environment,
      graph_id: promotion.graph,
      generation: promotion.generation,
      version: promotion.version,
      hash: promotion.hash,
      ref: referenceOf(promotion.assistantId, promotion),
      ...promotedOf(promotion),
      converged: active.length === of,
      of,
      ...times,
      active: active as unknown as JsonValue,
      rejected: (await others(rejected)) as unknown as JsonValue,
      lagging: (await others(lagging)) as unknown as JsonValue,
      gone: gone as unknown as JsonValue,
    }
  }

  /** What a runner that is not on the promotion is on instead. */
  private async onNow(runner: RunnerProcess, { assistantId }: PromotionOfContent): Promise<{ on?: string }> {
    const on = (await this.model.fleet.onOf(runner, assistantId))?.on
    return on?.hash === undefined ? {} : { on: referenceOf(assistantId, on as Named) }
  }
}

/** As of a time at which it was. */
const stillInForce = ({ superseded: _, ...then }: PromotionOfContent): PromotionOfContent => then

/** After every time that is recorded. */
const END_OF_TIME = '9999'

/** Who promoted it and why, under which rule, what it replaced, and what ended it. */
function promotedOf(row: PromotionRow): JsonObject {
  const { revision, at, by, reason, replaces, rollback, guard } = row
  return {
    revision,
    promoted_at: at,
    promoted_by: { ...by },
    ...(reason === undefined ? {} : { reason }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(rollback ? { rollback } : {}),
    ...(guard ? { guard: { ...guard, min_active: `${guard.min_active}%` } } : {}),
    ...endOf(row),
  }
}

interface Named {
  readonly generation: number
  readonly version: number
  readonly hash: string
}

const referenceOf = (assistantId: string, { generation, version, hash }: Named): string =>
  printReference({ assistantId, generation, version, contentHash: hash })

function runnerOf(row: RunnerRow, present: Present | undefined): JsonObject {
  const { runner, instance, build, environment, graphs, assistants, joinedAt, left } = row
  return {
    runner,
    instance,
    build: build ?? null,
    environment,
    graphs,
    ...(assistants === undefined ? {} : { assistants }),
    since: joinedAt,
    ...(left === undefined
      ? {
          state: present?.state ?? 'unheard',
          age_ms: present ? Math.round(present.ageMs + present.heardMs) : null,
          heard_ms: present ? Math.round(present.heardMs) : null,
          ...(present?.descriptors ? { descriptors: Object.fromEntries(present.descriptors) } : {}),
        }
      : { state: 'gone', gone: { ...left } }),
  }
}

function onOf({ assistantId, environment, on, removed, refused }: RunnerOn): JsonObject {
  return {
    assistant_id: assistantId,
    environment,
    ...(on?.hash === undefined ? {} : { ref: referenceOf(assistantId, on as Named), since: on.at }),
    ...(removed ? { removed: removed.at } : {}),
    ...(refused
      ? {
          refused: {
            ...(refused.hash === undefined ? {} : { ref: referenceOf(assistantId, refused as Named) }),
            reason: refused.reason,
            at: refused.at,
          },
        }
      : {}),
  }
}
