// Is the NATS server there? It says so itself, and what it is, before anybody has to say who they are.
import { connect } from 'node:net'
import { type Finding, finding } from './finding.js'

const PATIENCE_MS = 3_000
const PORT = 4222
/** What a line of it may have before it is something else that listens there. */
const LONGEST = 64 * 1024
/** A reply may be that large; the default of a server is 1 MiB. */
const PAYLOAD_BYTES = 8 * 1024 * 1024

const LARGER = `# nats.conf; start the server with: nats-server -c nats.conf
max_payload: ${PAYLOAD_BYTES}
jetstream {}`

interface Info {
  readonly version?: string
  readonly jetstream?: boolean
  readonly max_payload?: number
  readonly auth_required?: boolean
}

/** @param servers `nats://host:4222`, several with commas between them; a user in it is not used, nor shown */
export async function checkNats(servers: string): Promise<Finding[]> {
  return Promise.all(servers.split(',').map((server) => check(server.trim())))
}

async function check(server: string): Promise<Finding> {
  const text = server.includes('://') ? server : `nats://${server}`
  if (!URL.canParse(text)) return finding('wrong', 'NATS', `NATS_URL has an address that is none`)
  const { hostname, port } = new URL(text)
  const at = `${hostname}:${port || PORT}`
  try {
    const info = await infoFrom(hostname, Number(port || PORT))
    const { version = 'an unknown version', jetstream, max_payload = 0, auth_required } = info
    if (!jetstream) return finding('wrong', 'NATS', `${at} has no JetStream: start it with -js`)
    const asks = auth_required ? ', asks for a user' : ''
    const is = `${at} is ${version} with JetStream${asks}`
    if (max_payload >= PAYLOAD_BYTES) return finding('ok', 'NATS', is)
    const small = `takes messages of ${Math.floor(max_payload / 1024)} KiB (max_payload): larger assistants, up to 8 MiB, need more`
    return finding('limited', 'NATS', `${is}, ${small}`, LARGER)
  } catch (error) {
    return finding('wrong', 'NATS', `${at} cannot be reached: ${(error as Error).message}`)
  }
}

function infoFrom(host: string, port: number): Promise<Info> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PATIENCE_MS })
    const end = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    let read = ''
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      read += part
      const [, info] = /^INFO (\{.*\})\s*\r\n/.exec(read) ?? []
      if (info === undefined && read.length < LONGEST) return
      socket.destroy()
      try {
        resolve(JSON.parse(info ?? '') as Info)
      } catch {
        reject(new Error('what listens there is no NATS server'))
      }
    })
    socket.once('timeout', () => end(new Error(`no answer within ${PATIENCE_MS / 1000} s`)))
    socket.once('error', end)
    socket.once('end', () => end(new Error('what listens there is no NATS server')))
  })
}
