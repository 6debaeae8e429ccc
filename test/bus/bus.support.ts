// A real Nest microservice on the bus's transport, with handlers that do what a test needs, and a requester.

import type { JsonValue } from '@assistant-ledger/assistant'
import { connect, headers as makeHeaders, type NatsConnection } from '@nats-io/transport-node'
import { type INestMicroservice, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, type MicroserviceOptions } from '@nestjs/microservices'
import { BusReply, type BusRequest, LaterReply, RefusalError } from '../../apps/registry/src/bus/contract.js'
import { BusController } from '../../apps/registry/src/bus/errors.js'
import { LedgerBus, type LedgerBusOptions } from '../../apps/registry/src/bus/ledger-bus.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

/** What the handlers of one test saw, and the gate that `hold` waits at. */
export class Desk {
  readonly seen: BusRequest[] = []
  #release: () => void = () => {}
  readonly #held = new Promise<void>((resolve) => {
    this.#release = resolve
  })
  #watchers: { count: number; resolve: () => void }[] = []

  constructor(readonly member = 'one') {}

  take(request: BusRequest): void {
    this.seen.push(request)
    for (const watcher of this.#watchers) if (this.seen.length >= watcher.count) watcher.resolve()
  }

  /** Resolves once that many requests have reached a handler. */
  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.seen.length >= count) resolve()
      else this.#watchers.push({ count, resolve })
    })
  }

  held(): Promise<void> {
    return this.#held
  }

  release(): void {
    this.#release()
  }
}

@BusController()
class Verbs {
  constructor(private readonly desk: Desk) {}

  @MessagePattern('get')
  get(request: BusRequest): BusReply {
    this.desk.take(request)
    return new BusReply(request.body as JsonValue, { 'Ledger-Revision': '7' })
  }

  @MessagePattern('headers')
  headers(request: BusRequest): BusReply {
    this.desk.take(request)
    return new BusReply(Object.fromEntries(request.headers))
  }

  @MessagePattern('member')
  member(request: BusRequest): BusReply {
    this.desk.take(request)
    return new BusReply(this.desk.member)
  }

  @MessagePattern('delete')
  delete(request: BusRequest): BusReply {
    this.desk.take(request)
    return new BusReply(null)
  }

  @MessagePattern('search')
  search(request: BusRequest): BusReply {
    this.desk.take(request)
    return new BusReply('x'.repeat((request.body as { size: number }).size), { 'Ledger-Position': '12' })
  }

  @MessagePattern('hold')
  async hold(request: BusRequest): Promise<BusReply> {
    this.desk.take(request)
    await this.desk.held()
    return new BusReply(request.body as JsonValue)
  }

  /** Takes no place among those that run while it waits. */
  @MessagePattern('later')
  async later(request: BusRequest): Promise<LaterReply> {
    this.desk.take(request)
    return new LaterReply(this.desk.held().then(() => new BusReply(request.body as JsonValue)))
  }

  @MessagePattern('refuse')
  async refuse(request: BusRequest): Promise<BusReply> {
    this.desk.take(request)
    throw new RefusalError({ code: 'revision-mismatch', detail: 'The revision is 4:\nnot 3', revision: 4 })
  }

  @MessagePattern('crash')
  crash(): BusReply {
    throw new Error('the secret of the house')
  }

  @MessagePattern('nothing')
  nothing(): void {}
}

export interface Bus {
  readonly app: INestMicroservice
  readonly bus: LedgerBus
  readonly desk: Desk
}

export async function startBus(
  server: Pick<NatsServer, 'url'>,
  options: Partial<LedgerBusOptions> = {},
  desk = new Desk(),
): Promise<Bus> {
  const made = await makeBus(server, options, desk)
  await made.app.listen()
  return made
}

export async function makeBus(
  server: Pick<NatsServer, 'url'>,
  options: Partial<LedgerBusOptions> = {},
  desk = new Desk(),
): Promise<Bus> {
  @Module({ controllers: [Verbs], providers: [{ provide: Desk, useValue: desk }] })
  class TestModule {}
  const bus = new LedgerBus({ project: 'p', connection: { servers: server.url }, ...options })
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
    strategy: bus,
    logger: false,
  })
  return { app, bus, desk }
}

export interface Answer {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  readonly error: string
}

/** One request, its first answer, and a second one if there should be one: a flush after the first would bring it. */
export async function ask(
  connection: NatsConnection,
  verb: string,
  payload: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const sent = makeHeaders()
  for (const [name, value] of Object.entries(headers)) sent.append(name, value)
  const message = await connection.request(`assistants.v1.p.${verb}`, payload, {
    timeout: 10_000,
    headers: sent,
  })
  const got = Object.fromEntries(
    [...(message.headers ?? [])].map(([name, values]) => [name, values[0] ?? '']),
  )
  return {
    body: JSON.parse(message.string()),
    headers: got,
    error: got['Nats-Service-Error-Code'] ?? '',
  }
}

export function askJson(
  connection: NatsConnection,
  verb: string,
  value: unknown,
  headers = {},
): Promise<Answer> {
  return ask(connection, verb, JSON.stringify(value), headers)
}

export const requester = (server: Pick<NatsServer, 'url'>): Promise<NatsConnection> =>
  connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })

export { startNatsServer }

Logger.overrideLogger(false)
