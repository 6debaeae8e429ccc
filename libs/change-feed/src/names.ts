// Subjects, streams, bucket and keys of a project: the names that every part of the feed agrees on.
import { encodeToken } from '@assistant-ledger/assistant'

export const eventStream = (project: string): string => `ASSISTANT_EVENTS_${project}`
export const eventSubject = (project: string, assistantId: string): string =>
  `assistants.v1.${project}.events.${assistantId}`
/** The stream that runners report to. */
export const ackStream = (project: string): string => `RUNNER_ACKS_${project}`
export const bucket = (project: string): string => `assistant_configs_${project}`
export const bucketStream = (project: string): string => `KV_${bucket(project)}`
export const ackSubjects = (project: string): string => `assistants.v1.${project}.acks.>`
/** Where every runner says that it is there. */
export const presenceSubjects = (project: string): string => `assistants.v1.${project}.runners.*`
/** Where a runner is asked for something. */
export const controlSubject = (project: string, runner: string): string =>
  `assistants.v1.${project}.control.${encodeToken(runner)}`
/** Where an assistant's convergence is told to whoever watches. */
export const fleetSubject = (project: string, assistantId: string): string =>
  `assistants.v1.${project}.fleet.${assistantId}`
/** Where a descriptor of a graph is registered, in the words of whoever sends it. */
export const registerSubject = (project: string): string => `assistants.v1.${project}.graphs.register`
/** What that is to the registry when the broker vouches for who sent it: `*` for every runner. */
export const registerSubjectOf = (project: string, runner: string): string =>
  `${registerSubject(project)}.${runner === '*' ? runner : encodeToken(runner)}`
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
