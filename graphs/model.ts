// The model that a graph's context names: `provider:model` through LangChain's universal initialiser when it
// is installed, anything else the sample model, which needs no key and no network.
import type { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { SimpleChatModel } from '@langchain/core/language_models/chat_models'
import type { BaseMessage } from '@langchain/core/messages'

const UNIVERSAL = 'langchain/chat_models/universal'

/** Writes which model it is, the prompt it was given and the topic: what a reader needs to see a swap. */
class SampleModel extends SimpleChatModel {
  constructor(readonly model: string) {
    super({})
  }

  override _llmType(): string {
    return 'sample'
  }

  override async _call(messages: BaseMessage[]): Promise<string> {
    const said = (type: string) => messages.find((message) => message.getType() === type)?.text ?? ''
    return `[${this.model}] ${said('system')} → ${said('human')}`
  }
}

/**
 * @param name `openai:gpt-5-mini` and the like, or any name without a colon for the sample model
 * @throws Error when the name has a provider whose packages are not installed
 */
export async function modelNamed(name: string): Promise<Pick<BaseChatModel, 'invoke'>> {
  if (!name.includes(':')) return new SampleModel(name)
  const provider = name.slice(0, name.indexOf(':'))
  const universal = await import(UNIVERSAL).catch((cause: unknown) => {
    throw new Error(
      `model ${name} needs the packages \`langchain\` and \`@langchain/${provider}\`: npm install them where the runner runs`,
      { cause },
    )
  })
  return universal.initChatModel(name)
}
