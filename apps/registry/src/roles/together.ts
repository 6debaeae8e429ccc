// Works that go on side by side and end together.

/**
 * Runs all until the signal. One that fails ends the others.
 * @throws what the first one failed with, when all have ended
 */
export async function together(
  signal: AbortSignal,
  ...works: readonly ((signal: AbortSignal) => Promise<void>)[]
): Promise<void> {
  const failing = new AbortController()
  const ending = AbortSignal.any([signal, failing.signal])
  // Only the first abort counts, and so the first failure.
  await Promise.all(works.map((work) => work(ending).catch((error) => failing.abort(error))))
  if (failing.signal.aborted) throw failing.signal.reason
}
