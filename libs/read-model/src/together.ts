// Statements of one transaction that do not wait for each other.

/**
 * Resolves when all have: with the first error, if there is one, but only when nothing is under way any more. What came
 * after a rollback would stand outside of the transaction.
 */
export async function together<T extends readonly unknown[]>(
  work: {
    readonly [K in keyof T]: Promise<T[K]>
  },
): Promise<T> {
  const settled = await Promise.allSettled(work)
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T
}
