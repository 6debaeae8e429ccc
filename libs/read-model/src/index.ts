// The read model: rows projected from the log, and the queries on them.

export { begunRebuild, type Stood, servedAt } from './begun.js'
export {
  type ContainmentCase,
  METADATA_CASES,
  TOP_LEVEL_CASES,
} from './containment.cases.js'
export { contains } from './contains.js'
export type { DescriptorModel, DescriptorRow } from './descriptors.js'
export {
  CheckpointMoved,
  FilterTooLarge,
  ReadModelUnavailable,
  ResultTooLarge,
  RevisionGap,
  StreamUnreadable,
} from './errors.js'
export type {
  FleetModel,
  Moment,
  OpenGuard,
  PromotionOfContent,
  PromotionRow,
  RunnerOn,
  RunnerProcess,
  RunnerRow,
  RunnersQuery,
  Superseded,
  Which,
} from './fleet-model.js'
export { openReadModel, openRebuilt, type ReadModelOptions } from './open.js'
export { PROJECTION_LIMITS, Projection } from './projection.js'
export type {
  ApplyOptions,
  Assistant,
  AssistantFilter,
  AssistantRow,
  AssistantSearch,
  AssistantVersion,
  ConfigKey,
  Projected,
  Quarantined,
  ReadModel,
  SearchResult,
  SortField,
  VersionRow,
  VersionsQuery,
} from './read-model.js'
export { REPLICA_LIMITS, type Replica, type Replicas, type Unreadable } from './replicas.js'
export { PROJECTION_VERSION } from './schema.js'
export {
  NoReadModel,
  openSnapshot,
  type Snapshot,
  type SnapshotRow,
  type SnapshotSource,
  type SnapshotValue,
  TABLE_KEYS,
  type TableName,
} from './snapshot.js'
export { FILTER_LIMITS } from './terms.js'
export { BadFilter, type Filter, matches, readFilter, VISIBLE_LIMITS } from './visible.js'
export { withoutNul } from './without-nul.js'
