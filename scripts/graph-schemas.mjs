// Extracts the schemas that only the types of TypeScript graphs have, and writes them beside their sources, where a runner
// finds them at its start. To be run again after each change of the graphs' types:
//   LANGGRAPH_JSON=./langgraph.json npm run -s graph-schemas
import process from 'node:process'
import { extractSchemas } from '../apps/runner/dist/describe/extract.js'

try {
  const well = await extractSchemas(process.env.LANGGRAPH_JSON || './langgraph.json', (line) =>
    console.log(line),
  )
  process.exitCode = well ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
