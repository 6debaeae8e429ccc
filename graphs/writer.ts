// The sample graph: one node that writes a text on a topic. Its prompt and its model come from the
// assistant's context, so that two assistants share this code and differ in configuration alone.
import { HumanMessage, SystemMessage } from '@langchain/core/messages'
import { END, START, StateGraph } from '@langchain/langgraph'
import { z } from 'zod'
import { modelNamed } from './model.js'

const State = z.object({
  topic: z.string().min(1).meta({ description: 'What the text is about' }),
  text: z.string().meta({ description: 'The text, once it is written' }),
})

const DEFAULTS = { prompt: 'Write a short text.', model: 'sample-swift' }

// Optional, with a default that is only shown: a field with a default of zod's own is required in its JSON schema.
const Context = z.object({
  prompt: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'How the writer is told to write', default: DEFAULTS.prompt }),
  model: z.string().min(1).optional().meta({
    description: 'Which model writes: `provider:name`, or any other name for the sample model',
    default: DEFAULTS.model,
  }),
  max_words: z.int().min(1).max(10_000).optional().meta({ description: 'How long the text may be' }),
})

export const graph = new StateGraph(State, Context)
  .addNode('write', async ({ topic }, config) => {
    // LangGraph takes an input without any of the state's fields.
    if (topic === undefined) throw new Error('the input of a writer needs topic, a text: it has none')
    const { prompt = DEFAULTS.prompt, model = DEFAULTS.model, max_words: words } = config.context ?? {}
    const told = words === undefined ? prompt : `${prompt} Use at most ${words} words.`
    const writer = await modelNamed(model)
    const answer = await writer.invoke([new SystemMessage(told), new HumanMessage(topic)])
    return { text: answer.text }
  })
  .addEdge(START, 'write')
  .addEdge('write', END)
  .compile()
