// An embedded installation in this process, as the service makes it: log and read model in one directory, projected and
// published, with checkpoints in quick succession. What a test then does to its files and to NATS is done behind its back.
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assistantStream,
  type Checkpoint,
  type ContentPatch,
  type EventMetadata,
  fingerprintOf,
  fleetStream,
  type JsonObject,
  type RunnerReport,
  type RunnerStay,
  seal,
  sealFleetEvent,
  timestamp,
} from '@assistant-ledger/assistant'
import { type VerifyOptions, type VerifyReport, verify } from '@assistant-ledger/audit'
import { Publisher } from '@assistant-ledger/change-feed'
import {
  type EventLog,
  openEmbeddedLog,
  openLogForReading,
  type RecordedEvent,
} from '@assistant-ledger/event-log'
import { openReadModel, Projection, type ReadModel } from '@assistant-ledger/read-model'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { CheckpointSigner, type Pace } from '../../apps/registry/src/checkpoints/signer.js'
import { CommandService } from '../../apps/registry/src/commands/execute.js'
import { Project } from '../../apps/registry/src/project.js'
import { openLedger } from '../../apps/registry/src/roles/ledger.js'
import { Streams } from '../../apps/registry/src/streams.js'
import { until } from '../faults/until.js'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'

export const PROJECT = 'default'
export const DEADLINE_MS = 20_000
const SENDER = { actor: { id: 'tester', verified: false, via: 'nats' } } as const
const ENVIRONMENTS = ['live', 'staging']

/** A checkpoint after every few events. */
const QUICK: Pace = { events: 5, quiet_ms: 50 }

export function signingKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { key: privateKey, fingerprint: fingerprintOf(privateKey), publicKey, pem: pemOf(publicKey) }
}

const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string

export class Installation {
  private readonly ends: (() => unknown)[] = []
  private readonly stopping = new AbortController()
  private readonly works: Promise<unknown>[] = []
  readonly signing = signingKey()
  declare readonly directory: string
  declare readonly nats: NatsServer
  declare readonly connection: NatsConnection
  declare readonly log: EventLog
  declare readonly model: ReadModel
  declare readonly signer: CheckpointSigner
  declare readonly publisher: Publisher
  declare private readonly service: CommandService

  static async begin(): Promise<Installation> {
    const made = new Installation()
    await made.start()
    return made
  }

  private async start(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-audit-'))
    this.ends.push(() => rm(directory, { recursive: true, force: true }))
    const nats = await startNatsServer()
    this.ends.push(() => nats.stop())
    const connection = await connect({ servers: nats.url })
    this.ends.push(() => connection.close())
    const log = await openEmbeddedLog({ file: join(directory, 'log.db') })
    await openLedger(log, PROJECT)
    const model = await openReadModel({ file: join(directory, 'read-model.db'), project: PROJECT })
    const project = new Project(PROJECT, new Set(ENVIRONMENTS), undefined)
    const service = new CommandService(log, model, new Streams(log, model, PROJECT, () => {}), project)
    const signer = new CheckpointSigner(log, PROJECT, { ...this.signing, publicKey: this.signing.pem }, QUICK)
    const publisher = new Publisher({
      log,
      model,
      connection,
      project: PROJECT,
      environments: ENVIRONMENTS,
      graphs: ['writer'],
      checkpoint: () => signer.last,
    })
    Object.assign(this, { directory, nats, connection, log, model, service, signer, publisher })
    const { signal } = this.stopping
    this.works.push(
      new Projection(log, model, { project: PROJECT }).run(signal),
      signer.lead(signal),
      publisher.run(signal),
    )
  }

  /** Ends what writes; files and NATS stay as they are. */
  async stop(): Promise<void> {
    if (this.stopping.signal.aborted) return
    this.stopping.abort()
    await Promise.all(this.works)
    await this.model.close()
    await this.log.close()
  }

  async end(): Promise<void> {
    await this.stop()
    for (const end of this.ends.splice(0).reverse()) await end()
  }

  async create(content: ContentPatch = {}, id: string = randomUUID()): Promise<string> {
    const whole = { graph_id: 'writer', ...content }
    await this.execute('create', id, whole, {
      type: 'create',
      assistant_id: id,
      content: whole,
      if_exists: 'raise',
    })
    return id
  }

  change = (id: string, patch: ContentPatch) =>
    this.execute('update', id, patch as JsonObject, { type: 'change', patch, promote_to: 'live' })
  promote = (id: string, version: number, environment: string) =>
    this.execute('promote', id, { version, environment }, { type: 'promote', version, environment })
  rollback = (id: string) => this.execute('rollback', id, {}, { type: 'rollback', environment: 'live' })
  delete = (id: string) => this.execute('delete', id, {}, { type: 'delete' })

  private execute(verb: string, id: string, request: JsonObject, command: object) {
    return this.service.execute(
      { verb, assistantId: id, givenId: id, request, command: command as { type: 'delete' } },
      SENDER,
    )
  }

  /** Some of everything: versions, environments, a rollback, a second life, another graph, runners. */
  async liveThrough(): Promise<string[]> {
    const ids: string[] = []
    for (let n = 0; n < 6; n++) {
      const id = await this.create({
        name: `Assistant ${n}`,
        metadata: { n },
        context: { prompt: 'p'.repeat(n) },
      })
      await this.change(id, { context: { prompt: `better ${n}` } })
      ids.push(id)
    }
    const [first, second, third, fourth] = ids as [string, string, string, string]
    await this.promote(first, 1, 'staging')
    await this.rollback(second)
    await this.change(third, { graph_id: 'editor' })
    await this.delete(fourth)
    await this.create({ name: 'Again' }, fourth)
    await this.reports(first)
    await this.settled()
    return ids
  }

  /** Another one with the content of this one, created before anything that the feed keeps. */
  async createLongAgo(id: string): Promise<string> {
    const again = randomUUID()
    let first: RecordedEvent | undefined
    for await (const event of this.log.readStream(assistantStream(PROJECT, id), { limit: 1 })) first = event
    if (!first) throw new Error(`there is no assistant ${id}`)
    const { actor, commandHash } = first.metadata as EventMetadata
    const stream = assistantStream(PROJECT, again)
    const now = timestamp(Date.now() - 40 * 24 * 60 * 60 * 1000)
    const event = { type: 'AssistantCreated', data: { ...(first.data as object), assistant_id: again } }
    const from = { stream, now, actor, commandHash, commandId: randomUUID() }
    await this.log.append(stream, 'no_stream', seal([event], undefined, from))
    return again
  }

  private async reports(id: string): Promise<void> {
    const at = '2026-01-02T03:04:05.000006+00:00'
    const who = { runner: 'writer-eu', instance: randomUUID(), environment: 'live', at }
    const stay: RunnerStay = { ...who, graphs: ['writer'] }
    const report: RunnerReport = { ...who, revision: 0, status: 'rejected', reason: 'no' }
    const stream = fleetStream(PROJECT, id)
    const from = { stream, now: at, commandId: randomUUID(), commandHash: '' }
    const joined = sealFleetEvent(
      { type: 'RunnersJoined', data: { runners: [stay], salt: 's' } },
      undefined,
      from,
    )
    const head = { revision: 0n, hash: joined.metadata.hash, at }
    const reported = sealFleetEvent(
      { type: 'RunnersReported', data: { reports: [report], salt: 's' } },
      head,
      from,
    )
    await this.log.append(stream, 'no_stream', [joined, reported])
  }

  /** Waits until everything is projected, published and covered by a checkpoint. */
  async settled(): Promise<Checkpoint> {
    const head = await this.log.head()
    await until(
      'the whole log covered, projected and published',
      DEADLINE_MS,
      async () => ({
        covered: await this.isCovered(),
        behind: [this.model.position, this.publisher.position].some((at) => at < head),
      }),
      ({ covered, behind }) => covered && !behind,
    )
    return this.signer.last as Checkpoint
  }

  /** Whether a checkpoint covers the newest event that is none. */
  private async isCovered(): Promise<boolean> {
    const covered = BigInt(this.signer.last?.position ?? -1)
    for await (const { type, position } of this.log.readAll({ direction: 'backward' }))
      if (type !== 'CheckpointSigned') return position <= covered
    return false
  }

  /** The files as they are, in a directory of their own. */
  async copy(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-audit-copy-'))
    this.ends.push(() => rm(directory, { recursive: true, force: true }))
    for (const file of await readdir(this.directory))
      await cp(join(this.directory, file), join(directory, file))
    return directory
  }

  /** Proves what is in a directory; with `bus` also what is in NATS. */
  async verify(
    options: Partial<VerifyOptions> & { readonly directory?: string } = {},
  ): Promise<VerifyReport> {
    const { directory = this.directory, ...rest } = options
    const log = await openLogForReading({ dataDir: directory })
    try {
      return await verify({
        log,
        trusted: [this.signing.publicKey],
        patience_ms: 1_500,
        readModel: { file: join(directory, 'read-model.db') },
        signal: AbortSignal.timeout(60_000),
        ...rest,
      })
    } finally {
      await log.close()
    }
  }
}
