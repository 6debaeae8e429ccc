// The caller's check of a configuration before it is swapped in, in whatever form that came: nothing returned, a
// boolean, a reason, a schema's safeParse result, a promise of these, or something thrown.

export type ValidateResult =
  | undefined
  | boolean
  | string
  | { readonly success: boolean; readonly error?: unknown }
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is a validator too
  | void

export type Validate<Subject> = (assistant: Subject) => ValidateResult | PromiseLike<ValidateResult>

/** A check that has not settled by then counts as failed, so that it never holds up the others for ever. */
export const VALIDATE_DEADLINE_MS = 10_000

/** @returns why it is refused, undefined when it is not */
export async function refusalOf<Subject>(
  validate: Validate<Subject> | undefined,
  subject: Subject,
  deadlineMs = VALIDATE_DEADLINE_MS,
): Promise<string | undefined> {
  if (!validate) return undefined
  let timer: NodeJS.Timeout | undefined
  try {
    const result = validate(subject)
    if (!isThenable(result)) return reasonIn(result)
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, deadlineMs, `validate did not settle within ${deadlineMs} ms`)
    })
    return await Promise.race([Promise.resolve(result).then(reasonIn), late])
  } catch (error) {
    return messageOf(error)
  } finally {
    clearTimeout(timer)
  }
}

function reasonIn(result: ValidateResult): string | undefined {
  if (result === undefined || result === true) return undefined
  if (result === false) return 'validate returned false'
  if (typeof result === 'string') return result
  if (typeof result !== 'object' || result === null) return 'validate returned nothing that it may return'
  return result.success === true ? undefined : messageOf(result.error ?? 'validate did not succeed')
}

const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message
    : typeof error === 'string'
      ? error
      : (JSON.stringify(error) ?? 'unknown')

const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
