// The change feed: NATS subjects, message shapes, stream and bucket set-up, the publisher.
export { type AccountUser, accountsConfig, type Password } from './accounts.js'
export { AssetMismatch, bucketConfig, ensureAssets, eventStreamConfig, RETENTION_DAYS } from './assets.js'
export { checkLog, LogBehind } from './check-log.js'
export { PublisherFenced } from './fence.js'
export { configValue, digestPart, eventMessage, type PublishCheckpoint, type Watermark } from './messages.js'
export {
  ackStream,
  bucket,
  bucketStream,
  configKey,
  eventStream,
  eventSubject,
  graphKey,
  keySubject,
  PUBLISHER_KEY,
  watermarkKey,
} from './names.js'
export { inboxOf, type LedgerUser, type Permissions, permissionsOf, type Role } from './permissions.js'
export { Publisher, type PublisherOptions } from './publisher.js'
