// The sample graph: one node that writes a text on a topic. Its prompt and its model come from the
// assistant's context, so that two assistants share this code and differ in configuration alone.
import { HumanMessage, SystemMessage } from '@langchain/core/messages'
import { Annotation, END, START, StateGraph } from '@langchain/langgraph'
import { modelNamed } from './model.js'

const State = Annotation.Root({
  topic: Annotation<string>(),
  text: Annotation<string>(),
})

const Context = Annotation.Root({
  prompt: Annotation<string>(),
  model: Annotation<string>(),
})

const DEFAULTS = { prompt: 'Write a short text.', model: 'sample-swift' }

export const graph = new StateGraph(State, Context)
  .addNode('write', async ({ topic }, config) => {
    const { prompt, model } = { ...DEFAULTS, ...config.context }
    // Input and context are whatever somebody sent: the types above are checked by nobody else.
    needText('input', 'topic', topic)
    needText('context', 'prompt', prompt)
    needText('context', 'model', model)
    const writer = await modelNamed(model)
    const answer = await writer.invoke([new SystemMessage(prompt), new HumanMessage(topic)])
    return { text: answer.text }
  })
  .addEdge(START, 'write')
  .addEdge('write', END)
  .compile()

function needText(where: string, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  const found = value === undefined ? 'has none' : `has ${JSON.stringify(value)}`
  throw new Error(`the ${where} of a writer needs ${name}, a text: it ${found}`)
}
