// The inner graphs of `annotated.ts`: the one that it runs, and one within.
import { Annotation, END, START, StateGraph } from '@langchain/langgraph'
import { z } from 'zod'

const search = new StateGraph(z.object({ notes: z.array(z.string()) }))
  .addNode('ask', async () => ({}))
  .addNode('rank', async () => ({}))
  .addEdge(START, 'ask')
  .addEdge('ask', 'rank')
  .addEdge('rank', END)
  .compile()

export const research = new StateGraph(Annotation.Root({ notes: Annotation<string[]>() }))
  .addNode('search', search)
  .addEdge(START, 'search')
  .addEdge('search', END)
  .compile()
