// The pure domain: what is recorded of an assistant, what may be asked of it, and what follows.
export { canonical, sha256 } from './canonical.js'
export { type Checked, CONTENT_LIMITS, checkJson } from './check-json.js'
export {
  type Checkpoint,
  type CheckpointSigned,
  fingerprintOf,
  isSignedBy,
  readCheckpoint,
  signCheckpoint,
} from './checkpoint.js'
export type { Command, CommandContext, ContentPatch } from './command.js'
export { type Content, changedContent, contentHash, newContent, wholeContent } from './content.js'
export {
  between,
  type Convergence,
  convergenceOf,
  millisecondsOf,
  type Promotion,
  type Receipt,
  receiptOf,
  runnerKey,
  type Stay,
  type Word,
} from './convergence.js'
export { type Decision, decide, type Needs, needs, withContent } from './decide.js'
export {
  type Actor,
  type AssistantCreated,
  type AssistantDeleted,
  type AssistantEvent,
  type CommandNoted,
  type ConfigChanged,
  type EventMetadata,
  type Guard,
  type Imported,
  type Noted,
  type Recorded,
  shownAt,
  type VersionPromoted,
} from './events.js'
export {
  type FleetEvent,
  type LeaveReason,
  type ReportStatus,
  type RunnerReport,
  type RunnerStay,
  type RunnersJoined,
  type RunnersLeft,
  type RunnersReported,
  readFleetEvent,
  sealFleetEvent,
} from './fleet.js'
export {
  type GraphDescriptor,
  type GraphDrawing,
  type GraphEvent,
  type GraphRegistered,
  type GraphSchemas,
  readGraphEvent,
  SCHEMA_NAMES,
  sealGraphEvent,
} from './graph.js'
export { DESCRIPTOR_LIMITS, readDescriptor } from './graph-check.js'
export { commandHashOf, commandIdOf, eventIdOf, idFromKey, systemAssistantId, uuid5 } from './ids.js'
export { decideImport, type GivenLife, type GivenVersion, lastLiveOf } from './import.js'
export type { JsonObject, JsonValue } from './json.js'
export {
  type EpochRaised,
  type EventsImported,
  evolveLedger,
  foldLedger,
  type Ledger,
  type LedgerEvent,
  type LedgerOpened,
  sealLedgerEvent,
} from './ledger.js'
export {
  assistantIdOf,
  assistantStream,
  decodeToken,
  encodeToken,
  fleetStream,
  graphStream,
  ledgerStream,
  streamPrefixes,
} from './names.js'
export { REFUSALS, type Refusal, type RefusalCode, refuse } from './refusal.js'
export { isOfProject, ROLLING_START, type Rolling, rollOn } from './rolling.js'
export { type Head, hashOf, type Provenance, SCHEMA, type SealedEvent, seal } from './seal.js'
export { sealFault } from './seal-fault.js'
export { type LikelySecret, likelySecrets, refusedSecrets } from './secrets.js'
export {
  beneath,
  type CommandRecord,
  EMPTY,
  evolve,
  fold,
  LIVE,
  type Life,
  type Outcome,
  outcomeOf,
  type Pointer,
  type State,
} from './state.js'
export { intoOf, type Subject, subjectOf, wasThere } from './subject.js'
export { timestamp } from './time.js'
export { readEvent, type StoredEvent, UnreadableEvent } from './upcast.js'
export type { SchemaCheck, Violation } from './violations.js'
