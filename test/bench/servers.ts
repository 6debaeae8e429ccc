// What our HTTP side is measured beside, each in a process of its own: LangGraph's in-memory server, and a bare Fastify that
// answers one text.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NODE_FLAGS } from '../../apps/local/src/child.js'
import { freePort } from '../observability/scrape.js'

const PEER = join(process.cwd(), 'test', 'peer')
const START_MS = 60_000

export interface Server {
  readonly pid: number
  readonly url: string
  /** With SIGKILL: nothing is written on the way out. */
  kill(): Promise<void>
}

/** Installs what `test/peer` needs, which is no package of ours, where it is missing. */
export function installPeer(): void {
  if (existsSync(join(PEER, 'node_modules', '@langchain', 'langgraph-api'))) return
  console.log('installing @langchain/langgraph-api in test/peer')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: PEER,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error('npm ci failed in test/peer')
}

/** LangGraph's server over a folder of its own; it says nothing of its requests, as ours does not. */
export async function startPeer(directory: string): Promise<Server> {
  const port = await freePort()
  return listening(
    spawn(process.execPath, [...NODE_FLAGS, join(PEER, 'serve.mjs'), String(port), directory], {
      cwd: PEER,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, LOG_LEVEL: 'error' },
    }),
    `http://127.0.0.1:${port}`,
  )
}

/** Nest has its own Fastify: the very one that is below our routes. */
const FASTIFY = createRequire(
  createRequire(join(process.cwd(), 'apps/registry/')).resolve('@nestjs/platform-fastify'),
).resolve('fastify')

const CONSTANT = `
import { fastify } from ${JSON.stringify(FASTIFY)}
const [port, text] = process.argv.slice(1)
const app = fastify()
app.get('/assistants/:id', (_request, reply) => reply.type('application/json; charset=utf-8').send(text))
await app.listen({ port: Number(port), host: '127.0.0.1' })
console.log('listening')
`

/** Answers every `GET /assistants/…` with one text. */
export async function startConstant(text: string): Promise<Server> {
  const port = await freePort()
  return listening(
    spawn(process.execPath, [...NODE_FLAGS, '--input-type=module', '-e', CONSTANT, String(port), text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
    `http://127.0.0.1:${port}`,
  )
}

async function listening(child: ChildProcess, url: string): Promise<Server> {
  const ended = once(child, 'exit')
  let timer: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${url} did not listen within ${START_MS} ms`)), START_MS)
      ended.then(() => reject(new Error(`what was to listen on ${url} has ended`)))
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (line.startsWith('listening')) resolve()
      })
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
  return {
    pid: child.pid as number,
    url,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
