// What the tests and the stand-in's process say to each other over its IPC channel.
import type { CallFault, FaultOptions, SuddenFault } from './faults.js'

export type ToStandIn =
  | { readonly type: 'set'; readonly fault: CallFault; readonly options: FaultOptions; readonly id: number }
  | { readonly type: 'take-back'; readonly fault: CallFault; readonly id: number }
  | { readonly type: 'sudden'; readonly fault: SuddenFault; readonly id: number }

export type FromStandIn =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'struck'; readonly fault: CallFault }
