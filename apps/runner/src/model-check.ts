// The check that a runner makes before it swaps a configuration in: does it name a model that may be used here?

interface Configured {
  readonly context: { readonly [key: string]: unknown }
}

/**
 * @param allowed the models that may be named; any when undefined. Naming none leaves it to the graph; what is no text
 * names nothing and is refused in any case.
 */
export function modelCheck(allowed: readonly string[] | undefined) {
  return ({ context }: Configured): { success: boolean; error?: string } => {
    const { model } = context
    if (model === undefined) return { success: true }
    if (typeof model !== 'string' || model === '') {
      return { success: false, error: `the model must be a text, not ${JSON.stringify(model)}` }
    }
    if (allowed === undefined || allowed.includes(model)) return { success: true }
    return { success: false, error: `the model ${model} is not allowed here` }
  }
}
