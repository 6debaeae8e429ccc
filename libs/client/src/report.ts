// What a runner says of one configuration: it is active here, was rejected, or was taken away. The message id makes it
// harmless to say it again; there is no time in it, since nobody has to trust a runner's clock (docs/wire.md).
import { encodeToken, reportSubject } from './names.js'

/** Exactly which configuration; the whole content hash. */
export interface Named {
  readonly generation: number
  readonly version: number
  readonly hash: string
}

export interface Report {
  readonly status: 'active' | 'rejected' | 'removed'
  readonly assistantId: string
  readonly graph: string
  readonly logId: string
  readonly epoch: number
  readonly revision: number
  /** Undefined for what was taken away, and for what could not be read. */
  readonly named: Named | undefined
  /** Why it was rejected. */
  readonly reason: string | undefined
}

/** Who reports: one process of a runner. */
export interface Reporter {
  readonly project: string
  readonly environment: string
  readonly name: string
  readonly build: string | undefined
  /** Random, new at each start. */
  readonly instance: string
}

export interface Message {
  readonly subject: string
  readonly id: string
  readonly body: string
}

const FORMAT = 1
const REASON_MOST = 500

export function reportMessage(by: Reporter, report: Report): Message {
  const { project, environment, name, build, instance } = by
  const { status, assistantId, graph, logId, epoch, revision, named, reason } = report
  const where = `${encodeToken(environment)}.${encodeToken(name)}.${instance}`
  return {
    subject: reportSubject(project, name, assistantId),
    id: `${assistantId}.${epoch}.${revision}.${where}.${status}`,
    body: JSON.stringify({
      v: FORMAT,
      runner: name,
      instance,
      build,
      environment,
      graph,
      assistant_id: assistantId,
      log_id: logId,
      epoch,
      revision,
      ...named,
      status,
      reason: reason === undefined ? undefined : shortened(reason),
    }),
  }
}

/** Half a character, at the cut or before, becomes U+FFFD: not every reader of JSON takes one. */
const shortened = (reason: string): string => reason.slice(0, REASON_MOST).toWellFormed()
