// Serves one graph, `writer`, with LangGraph's in-memory server: `node serve.mjs [port] [folder]`. The folder is where it
// keeps what it has; without one it starts empty, in a new one.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { startServer } from '@langchain/langgraph-api/server'

const [port = '18200', folder = mkdtempSync(join(tmpdir(), 'langgraph-api-'))] = process.argv.slice(2)
const { host } = await startServer({
  port: Number(port),
  nWorkers: 1,
  host: '127.0.0.1',
  cwd: folder,
  graphs: { writer: `${fileURLToPath(new URL('./graph.mjs', import.meta.url))}:graph` },
})
console.log(`listening on http://${host}`)
