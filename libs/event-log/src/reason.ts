// Why something failed, in one line. Errors of native code lose their shape on the way between threads, and some have
// many lines of which only all together tell anything.

/** What is left of an error when it has crossed to another thread. */
export interface Told {
  readonly message: string
  readonly code?: string | undefined
}

const LONGEST = 500

export function reasonOf({ message, code }: Told): string {
  const line = message.replaceAll(/\s*\n\s*/g, ' ').slice(0, LONGEST)
  return code === undefined ? line : `${line} (${code})`
}
