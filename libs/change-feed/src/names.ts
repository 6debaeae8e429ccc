// Subjects, streams, bucket and keys of a project: the names that every part of the feed agrees on.
import { encodeToken } from '@assistant-ledger/assistant'

export const eventStream = (project: string): string => `ASSISTANT_EVENTS_${project}`
export const eventSubject = (project: string, assistantId: string): string =>
  `assistants.v1.${project}.events.${assistantId}`
/** The stream that runners report to. */
export const ackStream = (project: string): string => `RUNNER_ACKS_${project}`
export const bucket = (project: string): string => `assistant_configs_${project}`
export const bucketStream = (project: string): string => `KV_${bucket(project)}`
/** The subject of a key of the bucket. */
export const keySubject = (project: string, key: string): string => `$KV.${bucket(project)}.${key}`

/** `<environment>.<graph>`, as tokens. */
export const graphKey = (environment: string, graph: string): string =>
  `${encodeToken(environment)}.${encodeToken(graph)}`
export const configKey = (environment: string, graph: string, assistantId: string): string =>
  `${graphKey(environment, graph)}.${assistantId}`
export const WATERMARK = '_watermark'
export const watermarkKey = (graph: string): string => `${graph}.${WATERMARK}`
/** The key of the publish checkpoint, the publisher's fence. */
export const PUBLISHER_KEY = '_publisher'
