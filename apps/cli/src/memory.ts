// Keeps the memory of commands that go through a whole log as small as what they need. V8 collects what outlived a batch
// only when some hundred megabytes of it have come together, and more on a larger machine.
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of the heap past which it is collected. */
const LEAST = 48 * 1024 * 1024
/** Where more than that is in use: so many times what the last collection left. */
const GROWTH = 1.5
const LOOK_EVERY_MS = 100

/** From now on until the process ends. */
export function keepMemorySmall(): void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let most = LEAST
  const look = () => {
    if (heapUsed() < most) return
    collect()
    most = Math.max(LEAST, heapUsed() * GROWTH)
  }
  setInterval(look, LOOK_EVERY_MS).unref()
}

/** Without what the system knows of the process, which takes a hundred times as long to ask for. */
const heapUsed = (): number => getHeapStatistics().used_heap_size
