// What the doctor found, one line each.

export interface Finding {
  /**
   * `ok`: works as it is; `awaited`: nothing is wrong, and something is still to come; `limited`: works, but not for
   * everything; `elsewhere`: stays where it is, no part of this; `wrong`: has to be mended; `unknown`: could not be found out.
   */
  readonly state: 'ok' | 'awaited' | 'limited' | 'elsewhere' | 'wrong' | 'unknown'
  /** What was looked at: `HTTP`, `graph writer`. */
  readonly what: string
  /** What was found. */
  readonly detail: string
  /** Lines to paste where something is to be done. */
  readonly paste?: string
}

export const finding = (state: Finding['state'], what: string, detail: string, paste?: string): Finding => ({
  state,
  what,
  detail,
  ...(paste === undefined ? {} : { paste }),
})
