// The service's start and stop: the log first, then what is made from it, then the ways in. Each part that was
// opened is closed again in the opposite order, also by a start that was broken off.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type EventLog, openEmbeddedLog } from '@assistant-ledger/event-log'
import { Projection, type ReadModel } from '@assistant-ledger/read-model'
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { NestFactory } from '@nestjs/core'
import { connectWhenThere } from '../bus/connect.js'
import { LedgerBus } from '../bus/ledger-bus.js'
import { CommandService } from '../commands/execute.js'
import { startHttp } from '../http/application.js'
import { type Graph, readGraphs } from '../langgraph-json.js'
import { LIMITS } from '../limits.js'
import { NEST_LINES, say, warn } from '../lines.js'
import { observe } from '../observability/observe.js'
import { observed } from '../observability/observed.js'
import { requestAnswered } from '../observability/requests.js'
import { leading } from '../observability/roles.js'
import { Project } from '../project.js'
import { QueryService } from '../queries/answer.js'
import { RegistryModule, type Services } from '../registry.module.js'
import type { Settings } from '../settings.js'
import { Streams } from '../streams.js'
import { FleetRole } from './fleet.js'
import { openLedger } from './ledger.js'
import { type Publishing, preparePublication, publish } from './publication.js'
import { openReadDatabase } from './read-database.js'
import { createSystemAssistants } from './system-assistants.js'

export class Registry {
  private readonly stopping = new AbortController()
  private readonly closers: (() => Promise<unknown>)[] = []
  private stopped: Promise<void> | undefined
  /** Ends what waits for something that a stop will not bring. */
  private waiting = (): void => {}

  /** @param fail called when a part ended that nobody asked to end: the process had better end too */
  constructor(
    private readonly settings: Settings,
    private readonly fail: (error: unknown) => void,
  ) {}

  /** Resolves when commands, projection and publication are all up; rejects when it was stopped before. */
  async start(): Promise<void> {
    const { settings } = this
    const graphs = readGraphs(settings.langgraphJson, settings.langgraphJsonAsked)
    const { log, model, ledger } = await this.open()
    this.closers.push(observe(settings, log, model))
    const http = await startHttp(settings)
    this.closers.push(() => http.close())
    const project = new Project(
      settings.project,
      new Set(settings.environments),
      graphs && new Set(graphs.map(({ id }) => id)),
    )
    const projection = new Projection(log, model, { project: project.name })
    this.role((signal) => leading('projection', () => projection.run(signal)))

    const streams = new Streams(log, model, project.name, warn)
    const commands = new CommandService(log, model, streams, project)
    const queries = new QueryService(model, streams, project)
    const connection = await this.connect('publication')
    const publishing = {
      settings,
      log,
      model,
      ledger,
      connection,
      graphs: (graphs ?? []).map(({ id }) => id),
    }
    const fleet = new FleetRole(publishing, commands)
    this.waiting = () => fleet.answerWaiting()
    const published = this.publication(publishing, fleet)
    // What ends it later than the start waits for it ends the process all the same.
    published.catch((error) => this.stopping.signal.aborted || this.fail(error))
    await Promise.race([published, pause(LIMITS.publicationStart_ms, undefined, { ref: false })])
    const { receipts, service } = fleet
    await this.serve({ project, commands, queries, receipts, fleet: service })
    await createSystemAssistants(commands, project.name, graphs ?? [], warn)
    await published
    observed.stage = 'serving'
    say(readyLine(settings, graphs, http.where))
  }

  /** Answers what is under way, then closes everything. */
  stop(): Promise<void> {
    this.stopped ??= this.close()
    return this.stopped
  }

  private async open() {
    const { dataDir, project } = this.settings
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const log: EventLog = await openEmbeddedLog({ file: join(dataDir, 'log.db') })
    this.closers.push(() => log.close())
    const ledger = await openLedger(log, project)
    const model: ReadModel = await openReadDatabase(
      join(dataDir, 'read-model.db'),
      project,
      log,
      ledger,
      warn,
    )
    this.closers.push(() => model.close())
    return { log, model, ledger }
  }

  private async connect(part: string) {
    const connection = await connectWhenThere(this.connectionAs(part), this.stopping.signal, (error) =>
      warn(`waiting for NATS at ${this.settings.nats.servers}: ${error.message}`),
    )
    this.closers.push(() => connection.close())
    return connection
  }

  /** Resolves when the publisher may begin, which it then does by itself. */
  private async publication(publishing: Publishing, fleet: FleetRole): Promise<void> {
    await preparePublication(publishing, this.stopping.signal)
    this.role((signal) => publish(publishing, signal))
    this.role((signal) => fleet.run(signal))
  }

  private async serve(services: Services): Promise<void> {
    const { name } = services.project
    const bus = new LedgerBus({
      project: name,
      connection: this.connectionAs('bus'),
      onAnswered: requestAnswered,
    })
    bus.on('lost', this.fail)
    observed.bus = bus
    const app = await NestFactory.createMicroservice(RegistryModule.of(services), {
      strategy: bus,
      logger: NEST_LINES,
      abortOnError: false,
    })
    this.closers.push(() => app.close())
    await app.listen()
  }

  /** A loop that runs until the stop; one that ends before has failed. */
  private role(run: (signal: AbortSignal) => Promise<void>): void {
    const ending = new AbortController()
    const ended = run(ending.signal).then(
      () => {
        if (!ending.signal.aborted) this.fail(new Error('a role of the service ended by itself'))
      },
      (error) => {
        if (!ending.signal.aborted) this.fail(error)
      },
    )
    this.closers.push(() => {
      ending.abort()
      return ended
    })
  }

  private connectionAs(part: string): NodeConnectionOptions {
    const { nats, project } = this.settings
    return { ...nats.login, servers: [...nats.servers], name: `registry ${project} ${part}` }
  }

  private async close(): Promise<void> {
    this.stopping.abort(new Error('the service was stopped'))
    observed.stage = 'stopping'
    this.waiting()
    for (let close = this.closers.pop(); close; close = this.closers.pop()) await close()
  }
}

function readyLine(settings: Settings, graphs: readonly Graph[] | undefined, http: string): string {
  const { project, environments, nats, dataDir } = settings
  const deployed = graphs ? graphs.map(({ id }) => id).join(', ') : 'any'
  return `ready: project ${project}, environments ${environments.join(', ')}, graphs ${deployed}, NATS ${nats.servers}, HTTP ${http}, data in ${dataDir}`
}
