// The graph that the peer serves: it does nothing, since only its assistants are asked for.
import { Annotation, START, StateGraph } from '@langchain/langgraph'

export const graph = new StateGraph(Annotation.Root({ topic: Annotation() }))
  .addNode('write', (state) => state)
  .addEdge(START, 'write')
  .compile()
