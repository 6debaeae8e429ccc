// The service's start and stop: the log first, then what is made from it, then the ways in. Each part that was
// opened is closed again in the opposite order, also by a start that was broken off.
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { EventLog } from '@assistant-ledger/event-log'
import { Past } from '@assistant-ledger/history'
import { PROJECTION_VERSION, type ReadModel } from '@assistant-ledger/read-model'
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { NestFactory } from '@nestjs/core'
import { Admin, type AdminOf } from '../admin/admin.js'
import type { RebuildWork } from '../admin/rebuild-worker.js'
import { openAuthorizer } from '../auth/open.js'
import { connectWhenThere } from '../bus/connect.js'
import { LedgerBus } from '../bus/ledger-bus.js'
import { Changes } from '../changes/changes.js'
import { openSigningKey } from '../checkpoints/key.js'
import { LedgerService } from '../checkpoints/service.js'
import { CheckpointSigner } from '../checkpoints/signer.js'
import { Commands } from '../commands/commands.js'
import { CommandService } from '../commands/execute.js'
import { contextSchemaOf } from '../graphs/context-schema.js'
import { GraphDescriptors } from '../graphs/descriptors.js'
import { Registrations } from '../graphs/registrations.js'
import { Api } from '../http/api.js'
import { startHttp } from '../http/application.js'
import { readServed } from '../http/served.js'
import { withDefaults } from '../langgraph-config.js'
import { type Graph, readGraphs } from '../langgraph-json.js'
import { LIMITS } from '../limits.js'
import { NEST_LINES, say, warn } from '../lines.js'
import { observe } from '../observability/observe.js'
import { observed } from '../observability/observed.js'
import { requestAnswered } from '../observability/requests.js'
import { projected } from '../observability/tracing.js'
import { Project } from '../project.js'
import { QueryService } from '../queries/answer.js'
import { ImpactService } from '../queries/impact.js'
import { PastService } from '../queries/past.js'
import { RegistryModule, type Services } from '../registry.module.js'
import { Elected } from '../replicas/elected.js'
import { holderOf } from '../replicas/holder.js'
import { Alone, type Leadership, type Role } from '../replicas/lead.js'
import { Pulse } from '../replicas/pulse.js'
import { Quarantine } from '../replicas/quarantine.js'
import type { Settings } from '../settings.js'
import { Streams } from '../streams.js'
import { ContentChecks } from '../validation/content-checks.js'
import { SchemaChecker } from '../validation/schema-checker.js'
import { FleetRole } from './fleet.js'
import { openLedger } from './ledger.js'
import { openLog } from './log.js'
import { Pausable } from './pausable.js'
import { type Projecting, project, projectShared } from './projection.js'
import { accepted, endingSoon, type Publishing, preparePublication, publish } from './publication.js'
import { openReadDatabase, readModelFile } from './read-database.js'
import { createSystemAssistants } from './system-assistants.js'
import { together } from './together.js'
import { whenThere } from './when-there.js'

export class Registry {
  private readonly stopping = new AbortController()
  private readonly closers: (() => Promise<unknown>)[] = []
  private stopped: Promise<void> | undefined
  private projecting: Pausable | undefined
  private readonly publishing: Publishing['now'] = { publisher: undefined }
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
    const deployed = readGraphs(settings.langgraphJson, settings.langgraphJsonAsked)
    const graphs = withDefaults(deployed, settings.langgraphConfig)
    // First of all, so that a start that waits for something says for what.
    const api = new Api(await openAuthorizer(settings))
    const http = await startHttp(settings, api, readServed(settings))
    this.closers.push(() => http.close())
    this.closers.push(observe(settings))
    const key = await openSigningKey(settings)
    const { log, model, ledger } = await this.open()
    const signer = new CheckpointSigner(log, settings.project, key)
    const leadership = leadershipOf(settings)
    const project = new Project(
      settings.project,
      new Set(settings.environments),
      graphs && new Set(graphs.map(({ id }) => id)),
    )
    const pulse = this.projection({ log, model, ledger, project: project.name }, leadership)

    let fleet: FleetRole | undefined
    // Before the fleet is there nobody is known to run anything.
    const descriptors = new GraphDescriptors(model.descriptors, {
      descriptorsOf: (...of) => fleet?.presence.descriptorsOf(...of) ?? new Set(),
    })
    const streams = new Streams(log, model, project.name, warn)
    const checker = new SchemaChecker(warn)
    this.closers.push(() => checker.close())
    const checks = new ContentChecks(settings.validation, descriptors, streams, checker)
    const service = new CommandService(log, model, streams, project, Date.now, checks)
    const queries = new QueryService(model, streams, project, settings.grown ? undefined : log)
    const past = new Past(log, project.name)
    const changes = new Changes(past)
    const connection = await this.connect('publication')
    const publishing = {
      settings,
      log,
      model,
      connection,
      signer,
      graphs: (graphs ?? []).map(({ id }) => id),
      now: this.publishing,
    }
    const runners = new FleetRole(publishing, service, () => leadership.leading.has('publication'))
    fleet = runners
    this.waiting = () => {
      runners.answerWaiting()
      changes.close()
    }
    this.role((signal) => endingSoon(connection, signal, runners.run(signal)))
    const published = this.publication(publishing, runners, leadership, pulse)
    // What ends it later than the start waits for it ends the process all the same.
    published.catch((error) => this.stopping.signal.aborted || this.fail(error))
    await Promise.race([published, pause(LIMITS.publicationStart_ms, undefined, { ref: false })])
    const commands = new Commands(service, runners.receipts, project)
    await pulse?.toServe(this.stopping.signal)
    const admin = this.admin(log, model, streams)
    const registrations = new Registrations(log, model, project)
    const contextSchema = (graph: string) => contextSchemaOf(descriptors, graph)
    const asked = new PastService(past, project, contextSchema)
    const impact = new ImpactService(asked, service, runners.service)
    const answering = { commands, queries, past: asked, impact, changes }
    const reported = { fleet: runners.service, descriptors, registrations }
    const proved = { ledger: new LedgerService(log, project.name, key) }
    await this.serve({ project, ...answering, ...reported, ...proved, admin }, api)
    if (settings.systemAssistants)
      await this.surely(() => createSystemAssistants(service, project.name, graphs ?? [], warn))
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
    const log = await openLog(this.settings, this.stopping.signal)
    this.closers.push(() => log.close())
    observed.log = log
    const ledger = await this.surely(() => openLedger(log, this.settings.project))
    const model = await openReadDatabase(this.settings, log, ledger, this.stopping.signal)
    this.closers.push(() => model.close())
    observed.model = model
    model.onAdvance(projected)
    return { log, model, ledger }
  }

  /** Work on the log; one of servers may go away in the middle of it. */
  private surely<T>(work: () => Promise<T>): Promise<T> {
    return this.settings.grown ? whenThere('the event log', this.stopping.signal, work) : work()
  }

  private async connect(part: string) {
    const connection = await connectWhenThere(this.connectionAs(part), this.stopping.signal, (error) =>
      warn(`waiting for NATS at ${this.settings.nats.servers}: ${error.message}`),
    )
    this.closers.push(() => connection.close())
    return connection
  }

  /** Begins the projection; where replicas share the read database, also the pulse of this one. */
  private projection(projecting: Projecting, leadership: Leadership): Pulse | undefined {
    const { replicas } = projecting.model
    const quarantine = replicas && new Quarantine(replicas)
    this.projecting = new Pausable((leading) =>
      replicas && quarantine
        ? projectShared(projecting, { replicas, quarantine }, leading)
        : project(projecting, leading),
    )
    const work = (leading: AbortSignal) => (this.projecting as Pausable).run(leading)
    const pulse = replicas && new Pulse(replicas)
    if (pulse) this.role((signal) => pulse.run(signal))
    this.role((signal) => leadership.lead('projection', work, signal))
    return pulse
  }

  /** Resolves when nothing is in the way of the publisher, which begins by itself. */
  private async publication(
    publishing: Publishing,
    fleet: FleetRole,
    leadership: Leadership,
    pulse: Pulse | undefined,
  ): Promise<void> {
    await preparePublication(publishing, this.stopping.signal)
    await pulse?.toServe(this.stopping.signal)
    const work = async (leading: AbortSignal) => {
      // A PostgreSQL that was killed has lost its newest commits, and with them the lead: what is remembered of the
      // projection may be ahead of its rows, which would be published and judged by as if they were the newest.
      await publishing.model.refresh()
      await together(
        leading,
        (both) => publish(publishing, both),
        (both) => fleet.lead(both),
      )
    }
    this.role((signal) =>
      endingSoon(publishing.connection, signal, leadership.lead('publication', work, signal)),
    )
    await accepted(publishing, this.stopping.signal)
  }

  private async serve(services: Services, api: Api): Promise<void> {
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
    api.open(services)
    this.closers.push(() => api.close())
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

  private admin(log: EventLog, model: ReadModel, streams: Streams): Admin {
    const { grown, dataDir, project } = this.settings
    const places: RebuildWork = grown
      ? {
          log: { eventstoreUrl: grown.eventStoreUrl, project },
          model: { url: grown.databaseUrl, project },
        }
      : { log: { dataDir, project }, model: { file: readModelFile(dataDir), project } }
    const shared = grown !== undefined
    // Where others may project, they find out by themselves.
    const paused: AdminOf['paused'] = (something) =>
      shared ? something() : (this.projecting as Pausable).during(something)
    const publisher = () => this.publishing.publisher
    const whoPublishes = async () => grown && holderOf(grown.databaseUrl, locksOf(project).publication)
    return new Admin({ log, model, streams, project, shared, places, publisher, whoPublishes, paused })
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

function leadershipOf({ grown, project }: Settings): Leadership {
  if (!grown) return new Alone()
  return new Elected(grown.databaseUrl, locksOf(project), `${project} ${process.pid}@${hostname()}`)
}

function locksOf(project: string): Record<Role, string> {
  const named = `assistant-ledger/${project}`
  return {
    projection: `${named}/projection/v${PROJECTION_VERSION}`,
    publication: `${named}/publication`,
  }
}

function readyLine(settings: Settings, graphs: readonly Graph[] | undefined, http: string): string {
  const { project, environments, nats, dataDir, grown } = settings
  const deployed = graphs ? graphs.map(({ id }) => id).join(', ') : 'any'
  return `ready: project ${project}, environments ${environments.join(', ')}, graphs ${deployed}, NATS ${nats.servers}, HTTP ${http}, ${grown ? 'EventStoreDB and PostgreSQL' : `data in ${dataDir}`}`
}
