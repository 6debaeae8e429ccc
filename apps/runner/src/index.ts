// What a worker of your own can take from this runner: the descriptors of LangGraph graphs, for the client's `descriptors`.
export { type Compiled, type Described, describeGraph, type ExtractedAll } from './describe/describe.js'
