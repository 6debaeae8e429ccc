// Proofs over the log, and what is made of it or carried elsewhere: verify, export, import, replay, backup.
export { backup, type MoveOptions } from './backup/backup.js'
export { AlteredLog, checkChains } from './backup/check.js'
export { BackupRefused, forgetRestored, isRestored, type Manifest } from './backup/files.js'
export { restore } from './backup/restore.js'
export { type ExportOptions, type ExportStanding, exportLines } from './export/export.js'
export { ExportFileInTheWay, exportToFile, openExport, partOf } from './export/file.js'
export type { Altered } from './export/judge.js'
export type { Begun, Ended, Selection } from './export/line.js'
export { NothingOfThat } from './export/select.js'
export { AlteredExport, ForeignExport } from './import/altered.js'
export {
  type Checked,
  type Claim,
  type ImportConflict,
  ImportConflicts,
  type Imported,
  type ImportNote,
  type ImportOptions,
  type ImportProgress,
  type ImportTarget,
  importFile,
} from './import/import.js'
export {
  type AssistantPart,
  assistantsOf,
  type Found,
} from './import/langgraph.js'
export {
  type ExportedEvent,
  type ExportItem,
  readExport,
  type Unfinished,
  unfinishedExport,
} from './import/read.js'
export { ChangedThere, NoSuchServer, type Source } from './import/source-server.js'
export { beginRebuild, goesOnAt, type RebuildProgress, rebuild, rebuildThrough } from './replay/rebuild.js'
export {
  type Difference,
  PARTS,
  type Part,
  type PartReport,
  type Place,
  placeOf,
} from './verify/findings.js'
export type { Bus } from './verify/stored.js'
export { CannotVerify, type VerifyOptions, type VerifyReport, verify } from './verify/verify.js'
