// Proofs over the log, and what is made of it or carried elsewhere: export, import, replay, backup.
export { type ExportOptions, type ExportStanding, exportLines } from './export/export.js'
export { ExportFileInTheWay, exportToFile, openExport, partOf } from './export/file.js'
export type { Begun, Ended, Selection } from './export/line.js'
export { StreamHeads } from './heads.js'
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
  type FromServer,
  NoSuchServer,
} from './import/langgraph.js'
export {
  AlteredExport,
  type ExportedEvent,
  type ExportItem,
  readExport,
  type Unfinished,
  unfinishedExport,
} from './import/read.js'
