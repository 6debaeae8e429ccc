// A bar for what takes over a second, on the standard error of a terminal: rate, time left. Elsewhere nothing.
import type { Output } from './output.js'

/** What takes less long has no bar. */
const QUIET_MS = 1_000

export interface Progress {
  /** So much is done of it, and of so much in all, where that has changed. */
  update(done: number, total?: number): void
  /** Takes the bar away. */
  stop(): void
}

/**
 * @param what is done, `verifying`
 * @param unit of what is counted, `events`
 */
export async function progress(
  output: Output,
  what: string,
  { total, unit }: { total: number; unit: string },
): Promise<Progress> {
  if (!output.drawsProgress) return { update: () => undefined, stop: () => undefined }
  const { SingleBar } = await import('cli-progress')
  const bar = new SingleBar({
    format: `${what} {bar} {percentage}% | {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
    fps: 10,
    etaBuffer: 50,
    gracefulExit: false,
  })
  const begun = performance.now()
  let drawn = false
  return {
    update(done, all = total) {
      const passed = performance.now() - begun
      const rate = Math.round((done / Math.max(passed, 1)) * 1000)
      if (!drawn && passed < QUIET_MS) return
      if (!drawn) bar.start(all, done, { rate })
      drawn = true
      bar.setTotal(all)
      bar.update(done, { rate })
    },
    stop() {
      if (drawn) bar.stop()
    },
  }
}
