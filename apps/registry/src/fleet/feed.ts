// The live feed of convergence: after each step of a promotion, whoever watches its assistant is told where it stands,
// also of the last step of one that was superseded. Nothing is told twice.

import { type JsonObject, receiptOf } from '@assistant-ledger/assistant'
import { fleetSubject } from '@assistant-ledger/change-feed'
import { printReference } from '@assistant-ledger/client'
import type { RecordedEvent } from '@assistant-ledger/event-log'
import type { PromotionOfContent, ReadModel, Which } from '@assistant-ledger/read-model'
import type { NatsConnection } from '@nats-io/transport-node'
import { aborted } from '../signals.js'
import { convergenceNow } from './convergence.js'
import { endOf } from './ended.js'
import { FLEET_LIMITS } from './limits.js'

export interface FeedOptions {
  readonly connection: NatsConnection
  readonly project: string
  readonly environments: readonly string[]
  readonly model: ReadModel
  /** Whether this replica is the one that tells those who watch. */
  readonly tells: () => boolean
}

/** A promotion about which there is something to tell. */
interface Due {
  readonly assistantId: string
  readonly environment: string
  readonly which: Exclude<Which, 'now'>
}

export class Feed {
  private readonly due = new Map<string, Due>()
  /** Of which the last word was that somebody lags: whoever comes or goes may change that. */
  private readonly unsettled = new Map<string, Due>()
  /** What was told last of each promotion. */
  private readonly told = new Map<string, string>()

  constructor(private readonly options: FeedOptions) {}

  /** Tells what is due until the signal, at most so often and of so many at a time. */
  async run(signal: AbortSignal): Promise<void> {
    let telling = false
    const timer = setInterval(() => {
      // One after the other: nobody hears of an older state after a newer one.
      if (telling) return
      telling = true
      void this.tell().finally(() => {
        telling = false
      })
    }, FLEET_LIMITS.feed_ms)
    await aborted(signal)
    clearInterval(timer)
  }

  /** An event of an assistant's own stream, or of the reports on it, that the read model shows by now. */
  heard(assistantId: string, event: RecordedEvent): void {
    const { tells, environments } = this.options
    if (!tells()) this.forget()
    else
      for (const { environment, ...which } of touchedBy(event, environments))
        this.add({ assistantId, environment, which })
  }

  somebodyCameOrWent(): void {
    for (const [key, due] of this.unsettled) this.due.set(key, due)
  }

  /** Another replica tells from here on. */
  private forget(): void {
    for (const all of [this.due, this.unsettled, this.told]) all.clear()
  }

  private add(due: Due): void {
    this.due.set(JSON.stringify(due), due)
  }

  private async tell(): Promise<void> {
    for (const [key, due] of [...this.due].slice(0, FLEET_LIMITS.feedPromotions)) {
      this.due.delete(key)
      if (!this.options.connection.isClosed()) await this.tellOf(due).catch(() => this.due.set(key, due))
    }
  }

  private async tellOf({ assistantId, environment, which }: Due): Promise<void> {
    const { connection, project, model } = this.options
    const promotion = await model.fleet.promotion(assistantId, environment, which)
    if (!promotion) return
    const convergence = await convergenceNow(model.fleet, promotion)
    const { revision } = promotion
    const one: Due = { assistantId, environment, which: { revision } }
    const key = JSON.stringify(one)
    if (convergence.lagging.length > 0 && promotion.superseded === undefined) this.unsettled.set(key, one)
    else this.unsettled.delete(key)
    const text = JSON.stringify({ ...named(promotion), ...receiptOf(convergence), ...endOf(promotion) })
    if (this.told.get(key) === text || connection.isClosed()) return
    this.remember(key, text)
    connection.publish(fleetSubject(project, assistantId), text)
  }

  private remember(key: string, text: string): void {
    this.told.delete(key)
    this.told.set(key, text)
    const [oldest] = this.told.keys()
    if (this.told.size > FLEET_LIMITS.feedTold) this.told.delete(oldest as string)
  }
}

function named({ assistantId, environment, revision, ...of }: PromotionOfContent): JsonObject {
  const { generation, version, hash } = of
  const ref = printReference({ assistantId, generation, version, contentHash: hash })
  return { environment, revision, version, ref }
}

type Touched = { readonly environment: string } & Due['which']

/** The promotions that stand elsewhere after an event: a new one, the one it takes the place of, the one reported of. */
function touchedBy({ type, revision, data }: RecordedEvent, environments: readonly string[]): Touched[] {
  const at = Number(revision)
  switch (type) {
    case 'AssistantCreated':
      return [{ environment: 'live', revision: at }]
    case 'VersionPromoted': {
      const { environment } = data as { environment: string }
      return [
        { environment, upTo: at - 1 },
        { environment, revision: at },
      ]
    }
    case 'AssistantDeleted':
      return environments.map((environment) => ({ environment, upTo: at - 1 }))
    case 'RunnersReported': {
      const { reports } = data as { reports: { environment: string; revision: number }[] }
      return reports.map(({ environment, revision }) => ({ environment, revision }))
    }
    default:
      return []
  }
}
