// What was, who changed it and why: the questions that the service and the command line both answer, by these functions.
export { type Role, roleIn } from './annotations.js'
export { contentAt, type NotThere, type Resolved, resolve } from './at.js'
export { type Ancestor, type Blamed, blame, lineOf } from './blame.js'
export { Chronicle, type Made, type Pointed, type Step } from './chronicle.js'
export { type Cursor, parseCursor, printCursor } from './cursor.js'
export { type Change, changesOf } from './difference.js'
export { ENTRY_TYPES, entryOf, type HistoryEntry, reportEntryOf } from './entries.js'
export { type HistoryFilter, isOf, mayMatch } from './filter.js'
export { type HistoryPage, type HistoryQuery, historyOf, historyOfAll } from './history.js'
export { type Collected, type Impact, impactOf, type RunnerThere, type VersionOf } from './impact.js'
export { leavesOf, valueAt } from './json-pointers.js'
export { HISTORY_LIMITS } from './limits.js'
export { Memory } from './memory.js'
export { type Happened, type Notice, noticeOf, type Watched } from './notice.js'
export { Past } from './past.js'
export { type PatchOperation, patchOf } from './patch.js'
export {
  type Moment,
  POINT_FORMS,
  type Point,
  parseMoment,
  parsePoint,
  parseTime,
  printPoint,
} from './points.js'
export { type Marks, nameOf, renderChange, renderChanges, renderHunk } from './render.js'
export { type Revert, revertOf } from './revert.js'
export { isSeenNow, type Seen, type Sees, seenAt } from './sight.js'
export { explain, type Ran, ranIn, versionThatRan, type Why } from './why.js'
export { type Hunk, Words } from './words.js'
