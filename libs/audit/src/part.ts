// What grows under another name until it is whole: only one at a time may make it.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { takeLock } from '@assistant-ledger/event-log'

/**
 * Takes the lock of a file or folder that grows, `<part>.lock`, until the function that is returned was called or the
 * process ends. Undefined: somebody else makes it.
 */
export function lockPart(part: string): (() => Promise<void>) | undefined {
  const file = `${part}.lock`
  const unlock = takeLock(file)
  // One whose file the other has just removed is a lock of nothing.
  if (!unlock || !existsSync(file)) return undefined
  return async () => {
    await rm(file, { force: true })
    unlock()
  }
}
