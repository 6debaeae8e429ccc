// What is missing, in words: each part's state as one word and what it means for whoever depends on it. `down` takes the
// replica out of service; `degraded` is said and does not, since no other replica would do better.
import { OBSERVE_LIMITS } from './limits.js'
import type { Look, Observed } from './observed.js'

export interface PartState {
  readonly status: 'up' | 'degraded' | 'down'
  /** The state in a word. */
  readonly word: string
  readonly means: string
  readonly [more: string]: unknown
}

/** Every part of the service, by its name. */
export async function partsOf(observed: Observed): Promise<Readonly<Record<string, PartState>>> {
  const look = await observed.look()
  return {
    service: service(observed),
    log: log(observed, look),
    read_model: readModel(observed, look),
    bus: bus(observed),
    publication: publication(observed, look),
    fleet: fleet(observed),
  }
}

const up = (word: string, means: string, more = {}): PartState => ({ status: 'up', word, means, ...more })
const degraded = (word: string, means: string, more = {}): PartState => ({
  status: 'degraded',
  word,
  means,
  ...more,
})
const down = (word: string, means: string, more = {}): PartState => ({ status: 'down', word, means, ...more })

function service({ stage }: Observed): PartState {
  switch (stage) {
    case 'starting':
      return down('starting', 'its parts are being opened; what is missing is said below')
    case 'serving':
      return up('serving', 'it has started')
    case 'stopping':
      return down('stopping', 'it answers what it has taken and takes no more')
    default:
      return stage satisfies never
  }
}

function log(observed: Observed, { head }: Look): PartState {
  if (!observed.log) return down('missing', 'the event log is not open yet')
  if (head === undefined)
    return down('away', 'the event log does not answer: commands are refused as unavailable')
  if (observed.appendsFail)
    return down(
      'not-writable',
      'the event log did not take the last append: commands may be refused as unavailable',
    )
  return up('there', 'the event log takes events', { position: String(head) })
}

function readModel({ model }: Observed, { modelAnswers, projectionLag_s: lag_s }: Look): PartState {
  if (!model) return down('missing', 'the read model is not open yet')
  if (!modelAnswers)
    return down('away', 'the read database does not answer: queries fail, commands are slower')
  const { position, quarantined } = model
  const more = { position: String(position), ...(lag_s === undefined ? {} : { lag_s: rounded(lag_s) }) }
  if (lag_s !== undefined && lag_s > OBSERVE_LIMITS.behind_s)
    return degraded(
      'behind',
      'the read model does not show the newest events: searches and lists are older than what was acknowledged',
      more,
    )
  if (quarantined.length > 0)
    return degraded('quarantined', 'assistants with an event that cannot be read here answer unreadable', {
      ...more,
      quarantined: quarantined.slice(0, OBSERVE_LIMITS.quarantined).map(({ stream, revision, reason }) => ({
        stream,
        revision: Number(revision),
        reason,
      })),
    })
  return up('current', 'the read model shows what was acknowledged', more)
}

function bus({ bus }: Observed): PartState {
  if (!bus) return down('missing', 'commands and queries are not taken from NATS yet')
  return bus.isConnected
    ? up('connected', 'commands and queries are taken from NATS', { ...bus.load })
    : down('away', 'NATS is away: nothing comes in over it; it is connected to again when it is back')
}

function publication(observed: Observed, { publicationLag_s: lag_s }: Look): PartState {
  const { publication: part, watermarkAge_s } = observed
  if (observed.publicationWaitsFor !== undefined)
    return degraded('waiting', 'JetStream is not there: runners get no news until it is', {
      reason: observed.publicationWaitsFor,
    })
  if (!part)
    return up('standby', 'this replica does not publish, and takes over when the one that does is gone')
  const more = {
    position: String(part.position),
    ...(lag_s === undefined ? {} : { lag_s: rounded(lag_s) }),
    ...(watermarkAge_s === undefined ? {} : { watermark_age_s: rounded(watermarkAge_s) }),
  }
  if (!part.isUp)
    return degraded('held-up', 'runners get no news and go on with what they hold; it is tried again', {
      ...more,
      ...(part.brokenBy ? { reason: part.brokenBy.message } : {}),
    })
  if (lag_s !== undefined && lag_s > OBSERVE_LIMITS.behind_s)
    return degraded('behind', 'runners get news late', more)
  if (watermarkAge_s !== undefined && watermarkAge_s > OBSERVE_LIMITS.watermark_s)
    return degraded('watermark-old', 'runners cannot tell whether what they hold is the newest', more)
  return up('current', 'NATS has what the read model shows', more)
}

function fleet({ fleet: part }: Observed): PartState {
  if (!part)
    return up('standby', 'this replica records no reports, and takes over when the one that does is gone')
  return up('recording', 'reports of runners become history', { runners: part.present.length })
}

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10
