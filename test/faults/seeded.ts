// Randomness that a failed run can be repeated with: every draw comes from one seed, and the seed is printed.

/** Draws from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number

/** `FAULT_SEED` repeats a run; without it every run draws its own. */
export function seededRandom(test: string): Random {
  const seed = Number(process.env.FAULT_SEED) || Math.floor(Math.random() * 0xffffffff)
  process.stdout.write(`${test}: FAULT_SEED=${seed}\n`)
  let state = seed >>> 0
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A whole number from `least` to `most`, both included. */
export const between = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1))

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
