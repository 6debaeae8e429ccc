// The change feed: NATS subjects, message shapes, stream and bucket set-up, the publisher.
export { type AccountUser, accountsConfig, type Password } from './accounts.js'
export {
  AssetMismatch,
  ackStreamConfig,
  bucketConfig,
  ensureAssets,
  eventStreamConfig,
  RETENTION_DAYS,
} from './assets.js'
export { checkLog, LogBehind, LogContested, type Standing } from './check-log.js'
export { PublisherFenced } from './fence.js'
export {
  configValue,
  digestPart,
  eventMessage,
  ID_HEADER,
  POSITION_HEADER,
  type PublishCheckpoint,
  UNKNOWN_REVISION,
  type Watermark,
} from './messages.js'
export {
  ackStream,
  ackSubjects,
  bucket,
  bucketStream,
  configKey,
  controlSubject,
  eventStream,
  eventSubject,
  fleetSubject,
  graphKey,
  keySubject,
  PUBLISHER_KEY,
  presenceSubjects,
  registerSubject,
  registerSubjectOf,
  WATERMARK,
  watermarkKey,
} from './names.js'
export {
  COMMANDS,
  inboxOf,
  type LedgerUser,
  type Permissions,
  permissionsOf,
  QUERIES,
  type Role,
} from './permissions.js'
export { Publisher, type PublisherOptions } from './publisher.js'
export type { RepairOptions, RepairReport } from './repair.js'
