// What a runner worker imports. Nothing of the service is behind it: NATS and docs/wire.md are.

export type { Checkpoint, CheckpointContradiction } from './checkpoint.js'
export type { DescriptorSource, GraphDescriptor, GraphDrawing, GraphSchemas } from './descriptor.js'
export {
  AssistantNotHeld,
  BadOption,
  BadReference,
  Closed,
  type NotHeldReason,
  PinnedMismatch,
  PinnedNotFound,
  PinnedUnavailable,
} from './errors.js'
export type {
  CacheState,
  DescriptorStatus,
  FollowEvents,
  FollowState,
  FollowStatus,
  GraphStatus,
  Rejection,
  ReportCounts,
} from './events.js'
export { type Assistants, followAssistants } from './follow.js'
export type { Followed, MergedRunOptions, RunOptions, Source } from './followed.js'
export { type NatsAddress, type NatsLogin, natsAddress } from './nats-address.js'
export type { BundledContent, FollowOptions } from './options.js'
export { parseReference, printReference, type Reference } from './reference.js'
export { DETACHED_AFTER_MS, STALE_AFTER_MS } from './state.js'
export { type StaticAssistants, staticAssistants } from './static.js'
export type { Validate, ValidateResult } from './validate.js'
export type { Actor, Content, JsonObject, JsonValue } from './value.js'
