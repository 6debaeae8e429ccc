// The fleet as the query shows it: who is there, what each runner is on, and where an assistant's promotion stands.
import {
  type Convergence,
  type JsonObject,
  type JsonValue,
  type Promotion,
  refuse,
  runnerKey,
} from '@assistant-ledger/assistant'
import { printReference } from '@assistant-ledger/client'
import type { ReadModel, RunnerOn, RunnerProcess, RunnerRow, Which } from '@assistant-ledger/read-model'
import { BusReply, RefusalError } from '../bus/contract.js'
import { invalid } from '../envelope.js'
import { idOf, timeOf } from '../fields.js'
import type { FleetRequest } from '../queries/requests.js'
import { convergenceAt, convergenceNow, convergenceSince } from './convergence.js'
import type { Present } from './presence.js'

export class FleetService {
  constructor(
    private readonly model: ReadModel,
    private readonly presence: { readonly present: readonly Present[] },
  ) {}

  async fleet(request: FleetRequest): Promise<BusReply> {
    const { position } = this.model
    const answer =
      request.assistant_id === undefined
        ? await this.runners(request)
        : await this.convergence(idOf(request.assistant_id), request)
    return new BusReply(answer, { 'Ledger-Position': String(position) })
  }

  private async runners({ runner, gone, limit, offset }: FleetRequest): Promise<JsonValue> {
    const rows = await this.model.fleet.runners({
      ...(runner === undefined ? {} : { runner }),
      gone,
      limit,
      offset,
    })
    const present = new Map(this.presence.present.map((one) => [runnerKey(one), one]))
    return Promise.all(
      rows.map(async (row) => {
        const shown = runnerOf(row, present.get(runnerKey(row)))
        if (runner === undefined) return shown
        const on = await this.model.fleet.on(row, { limit, offset: 0 })
        return { ...shown, assistants_on: on.map(onOf) }
      }),
    )
  }

  private async convergence(assistantId: string, request: FleetRequest): Promise<JsonObject> {
    const { environment, revision } = request
    const at = request.at === undefined ? undefined : timeOf(request.at)
    if (revision !== undefined && at !== undefined) throw invalid('Give either revision or at', 'at')
    const which: Which = revision !== undefined ? { revision } : at !== undefined ? { at } : 'now'
    const { fleet } = this.model
    const promotion = await fleet.promotion(assistantId, environment, which)
    if (!promotion)
      throw new RefusalError(refuse('not-found', 'There is no such promotion of that assistant'))
    const convergence =
      at !== undefined
        ? await convergenceAt(fleet, promotion, at)
        : revision !== undefined
          ? await convergenceSince(fleet, promotion)
          : await convergenceNow(fleet, promotion)
    return this.shown(convergence)
  }

  private async shown({ promotion, of, ...rest }: Convergence): Promise<JsonObject> {
    const { active, rejected, lagging, gone, ...times } = rest
    const others = <Named extends RunnerProcess>(all: readonly Named[]) =>
      Promise.all(all.map(async (one) => ({ ...one, ...(await this.onNow(one, promotion)) })))
    return {
      assistant_id: promotion.assistantId,
      environment: promotion.environment,
      graph_id: promotion.graph,
      generation: promotion.generation,
      version: promotion.version,
      hash: promotion.hash,
      ref: referenceOf(promotion.assistantId, promotion),
      revision: promotion.revision,
      promoted_at: promotion.at,
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
  private async onNow(runner: RunnerProcess, { assistantId }: Promotion): Promise<{ on?: string }> {
    const on = (await this.model.fleet.onOf(runner, assistantId))?.on
    return on?.hash === undefined ? {} : { on: referenceOf(assistantId, on as Named) }
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
          age_ms: present ? present.ageMs + present.heardMs : null,
          heard_ms: present?.heardMs ?? null,
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
