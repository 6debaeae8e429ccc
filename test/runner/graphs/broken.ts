// Factories that make nothing: one fails, and one waits for what never comes.
import type { RunnableConfig } from '@langchain/core/runnables'

export const failing = async (config: RunnableConfig) => {
  throw new Error(`there is no key for ${config.configurable?.tenant ?? 'nobody'}`)
}

export const waiting = () => new Promise<never>(() => {})
