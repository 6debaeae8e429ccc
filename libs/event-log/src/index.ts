// The log: a port, and the adapters behind it.

export { checkLogFile, copyLog } from './copy.js'
export { LogLocked, openEmbeddedLog } from './embedded.js'
export { EVENTSTORE_LIMITS } from './eventstore/limits.js'
export { EventStoreNotReady, type Missing } from './eventstore/not-ready.js'
export type {
  EventStoreLog,
  EventStoreLogOptions,
  EventStoreStats,
  FollowerStats,
} from './eventstore/open.js'
export { openEventStoreLog } from './eventstore/when-needed.js'
export { EMBEDDED_LIMITS } from './limits.js'
export { lockLog, takeLock } from './lock.js'
export {
  type Appended,
  type Direction,
  type EventData,
  type EventLog,
  type ExpectedRevision,
  type Followed,
  type FollowOptions,
  LogConflict,
  LogInDoubt,
  LogRejected,
  LogUnavailable,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type Rejection,
} from './log.js'
export {
  type EventText,
  LOG_FILE,
  type LogForReading,
  type LogSource,
  NoLog,
  openLogForReading,
  type PageOptions,
} from './reading.js'
