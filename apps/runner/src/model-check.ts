// The check that a runner makes before it swaps a configuration in: does it name a model that may be used here?

interface Configured {
  readonly context: { readonly [key: string]: unknown }
}

/** @param allowed the models that may be named; any when undefined. Naming none leaves it to the graph. */
export function modelCheck(allowed: readonly string[] | undefined) {
  return ({ context }: Configured): { success: boolean; error?: string } => {
    const { model } = context
    if (allowed === undefined || model === undefined || allowed.includes(String(model))) {
      return { success: true }
    }
    return { success: false, error: `the model ${String(model)} is not allowed here` }
  }
}
