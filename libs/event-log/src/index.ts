// The log: a port, and the adapters behind it.
export { LogLocked, openEmbeddedLog } from './embedded.js'
export { EMBEDDED_LIMITS } from './limits.js'
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
} from './log.js'
