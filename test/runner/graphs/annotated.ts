// A graph whose schemas are types alone, with a subgraph in a module of its own and one within that.
import { Annotation, END, START, StateGraph } from '@langchain/langgraph'
import { research } from './research.js'

const State = Annotation.Root({
  topic: Annotation<string>(),
  notes: Annotation<string[]>(),
})

const Context = Annotation.Root({
  prompt: Annotation<string>(),
  model: Annotation<'large' | 'small'>(),
  tools: Annotation<string[]>(),
})

const builder = new StateGraph(State, Context)
  .addNode('research', research)
  .addNode('write', async () => ({ notes: [] }))
  .addEdge(START, 'research')
  .addEdge('research', 'write')
  .addEdge('write', END)

/** As a factory: what it makes does not depend on the configuration. */
export const graph = async () => builder.compile()
