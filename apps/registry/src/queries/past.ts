// The answers about the past, read from the log: what an assistant was at a point, what differs between two, its history,
// and who set each field. What somebody may see is judged on what it was then.
import type { JsonObject, JsonValue } from '@assistant-ledger/assistant'
import { refuse } from '@assistant-ledger/assistant'
import {
  blame,
  type Chronicle,
  changesOf,
  contentAt,
  historyOf,
  historyOfAll,
  isSeenNow,
  lineOf,
  type NotThere,
  type Past,
  type Point,
  patchOf,
  type Resolved,
  renderChanges,
  type Sees,
} from '@assistant-ledger/history'
import { BusReply, RefusalError } from '../bus/contract.js'
import { assistantOf } from '../commands/answer.js'
import { idOf } from '../fields.js'
import type { Project } from '../project.js'
import { unreadable } from '../streams.js'
import { unknownEnvironment } from './environments.js'
import { historyQueryOf, momentOf, pointerOf, pointOf } from './past-fields.js'
import type { BlameRequest, DiffRequest, HistoryRequest } from './past-requests.js'
import { Places } from './places.js'
import type { GetRequest } from './requests.js'
import { mustHaveBeen } from './yet-to-come.js'

/** A get of what was then, not of what is now. */
export const isOfThen = (get: GetRequest): get is GetRequest & { readonly at: string } => get.at !== undefined

/** Questions that read streams at once; more wait for their turn. */
const PLACES = 4

export class PastService {
  /** Questions wait here for their turn. */
  readonly places = new Places(PLACES)

  constructor(
    readonly past: Past,
    private readonly project: Pick<Project, 'environments'>,
    /** The schema of a graph's context, where it is known: it tells prompts and tools from other values. */
    readonly schemaOf: (graphId: string) => Promise<JsonValue | undefined> = async () => undefined,
  ) {}

  /** The assistant as an environment showed it then. */
  get(
    { assistant_id, environment, at }: GetRequest & { readonly at: string },
    sees?: Sees,
  ): Promise<BusReply> {
    const moment = momentOf(at, 'at')
    this.mustBeDeclared(environment)
    return this.places.take(async () => {
      const chronicle = await this.upTo({ at: moment }, assistant_id, sees)
      const found = await this.found(chronicle, moment, environment, sees)
      const { made, content, createdAt, pointed, revision } = found
      const times = { createdAt, updatedAt: pointed?.at ?? made.at }
      return new BusReply(assistantOf(chronicle.assistantId, made.version, content, times), {
        'Ledger-Revision': String(revision),
        ...positionOf(chronicle),
      })
    })
  }

  diff({ assistant_id, from, to, environment }: DiffRequest, sees?: Sees): Promise<BusReply> {
    const points = [pointOf(from, 'from'), pointOf(to, 'to')] as const
    this.mustBeDeclared(environment)
    this.mustBeOfDeclared(points[0], 'from')
    this.mustBeOfDeclared(points[1], 'to')
    return this.places.take(async () => {
      const chronicle = await this.upTo({ from: points[0], to: points[1] }, assistant_id, sees)
      const before = await this.found(chronicle, points[0], environment, sees)
      const after = await this.found(chronicle, points[1], environment, sees)
      const changes = changesOf(before.content, after.content, await this.schemaOf(after.content.graph_id))
      const body = {
        assistant_id: chronicle.assistantId,
        from: { point: from, ...shown(before) },
        to: { point: to, ...shown(after) },
        patch: patchOf(before.content, after.content),
        changes,
        text: renderChanges(changes),
      }
      return new BusReply(body as unknown as JsonObject, positionOf(chronicle))
    })
  }

  blame({ assistant_id, of, environment, path = '' }: BlameRequest, sees?: Sees): Promise<BusReply> {
    const point = pointOf(of, 'of')
    const under = pointerOf(path, 'path')
    this.mustBeDeclared(environment)
    this.mustBeOfDeclared(point, 'of')
    return this.places.take(async () => {
      const chronicle = await this.upTo({ of: point }, assistant_id, sees)
      const found = await this.found(chronicle, point, environment, sees)
      const blamed = await blame(chronicle.assistantId, lineOf(this.past, chronicle, found.made), under)
      // A field may come from a version that is another's: that it does is all that is told.
      const fields = await Promise.all(
        blamed.map(async (field) => {
          const by = chronicle.version(field.generation, field.version)
          if (!sees || (by && sees(await this.past.metadataOf(chronicle, by)))) return field
          return { pointer: field.pointer, value: field.value }
        }),
      )
      const body = { assistant_id: chronicle.assistantId, of: { point: of, ...shown(found) }, fields }
      return new BusReply(body as unknown as JsonObject, positionOf(chronicle))
    })
  }

  /** The events of one assistant, or of all, newest first. */
  history(request: HistoryRequest, sees?: Sees): Promise<BusReply> {
    const { assistant_id } = request
    const query = historyQueryOf(request)
    return this.places.take(async () => {
      if (assistant_id === undefined) return page(await historyOfAll(this.past, query, sees))
      const chronicle = await this.readable(assistant_id, sees)
      return page(await historyOf(this.past, chronicle.assistantId, query, sees), chronicle)
    })
  }

  /** @throws RefusalError `not-found` of what there never was, or may not be seen as it is now or was last; `unreadable` */
  async readable(assistant_id: string, sees: Sees): Promise<Chronicle> {
    const chronicle = await this.past.of(idOf(assistant_id))
    if (!(await isSeenNow(this.past, chronicle, sees)))
      throw new RefusalError(refuse('not-found', 'Assistant not found'))
    if (chronicle.unreadable) throw unreadable(chronicle.unreadable)
    return chronicle
  }

  /**
   * The chronicle that has what happened up to these points.
   * @param points by the field that names each
   * @throws RefusalError as `readable`, then `invalid-request` of a point that has not been yet
   */
  private async upTo(
    points: Readonly<Record<string, Point>>,
    assistant_id: string,
    sees: Sees,
  ): Promise<Chronicle> {
    const moments = Object.entries(points).filter(([, { type }]) => type === 'time' || type === 'position')
    // Before the chronicle is read, which so has everything up to there.
    const head = moments.length > 0 ? await this.past.log.head() : 0n
    const chronicle = await this.readable(assistant_id, sees)
    const newest = chronicle.timeOf(chronicle.next - 1n)
    for (const [field, point] of moments) mustHaveBeen(point, { head, newest }, field)
    return chronicle
  }

  /** @throws RefusalError of what there is not, or may not be seen, at that point */
  async found(chronicle: Chronicle, point: Parameters<typeof contentAt>[2], environment: string, sees: Sees) {
    const found = await contentAt(this.past, chronicle, point, environment)
    if (found.type === 'not-there') throw refused(found)
    if (!sees) return found
    const { made, pointed, revision } = found
    const live = pointed ? chronicle.liveAfter(revision) : undefined
    const shows = (metadata: JsonObject) => sees(metadata)
    if (live && !shows(await this.past.metadataOf(chronicle, live))) throw refused(GONE)
    if (!shows(found.content.metadata))
      throw refused(
        pointed
          ? GONE
          : {
              type: 'not-there',
              what: 'version',
              detail: `Version ${made.version} not found for assistant ${chronicle.assistantId}`,
            },
      )
    return found
  }

  mustBeDeclared(environment: string, field?: string): void {
    const { environments } = this.project
    if (!environments.has(environment)) throw unknownEnvironment(environment, environments, field)
  }

  /** A point that is no other one is an environment's name, mistyped or not. */
  mustBeOfDeclared(point: Point, field: string): void {
    if (point.type === 'environment') this.mustBeDeclared(point.environment, field)
  }
}

const GONE: NotThere = { type: 'not-there', what: 'assistant', detail: 'Assistant not found' }

const CODES = { assistant: 'not-found', version: 'version-not-found', environment: 'not-found' } as const

const refused = ({ what, detail }: NotThere): RefusalError => new RefusalError(refuse(CODES[what], detail))

/** A version that was found, as answers name it. */
function shown({ made, ref }: Resolved): JsonObject {
  const { generation, version, at, actor, reason } = made
  return {
    ref,
    generation,
    version,
    at,
    actor: { ...actor },
    ...(reason === undefined ? {} : { reason }),
  }
}

const positionOf = ({ position }: Chronicle) => ({ 'Ledger-Position': String(position) })

function page(found: object, chronicle?: Chronicle): BusReply {
  return new BusReply(found as JsonObject, chronicle ? positionOf(chronicle) : {})
}
