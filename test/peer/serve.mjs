// Serves one graph, `writer`, with LangGraph's in-memory server, on the port that is named. It keeps what it has in a
// folder of its own, which starts empty.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { startServer } from '@langchain/langgraph-api/server'

const port = Number(process.argv[2] || 18200)
const { host } = await startServer({
  port,
  nWorkers: 1,
  host: '127.0.0.1',
  cwd: mkdtempSync(join(tmpdir(), 'langgraph-api-')),
  graphs: { writer: `${fileURLToPath(new URL('./graph.mjs', import.meta.url))}:graph` },
})
console.log(`listening on http://${host}`)
