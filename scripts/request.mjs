// One request over the bus, for a terminal without the nats tool:
//   node scripts/request.mjs <verb> '<json>' ['Header: value' …]
// NATS_URL, NATS_USER and NATS_PASSWORD, or those of the stack that `npm start` runs on DATA_DIR, or
// nats://127.0.0.1:4222 as nobody in particular.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { natsAddress } from '@assistant-ledger/client'
import { connect, headers } from '@nats-io/transport-node'

const TIMEOUT_MS = 10_000

const [verb, body = '{}', ...headerLines] = process.argv.slice(2)
if (!verb) {
  console.error(`usage: node scripts/request.mjs <verb> '<json>' ['Header: value' …]`)
  process.exit(2)
}

const local = localStack()
const project = process.env.PROJECT || local?.project || 'default'
const { servers, login } = address()
let connection
try {
  connection = await connect({ ...login, servers, name: 'request' })
  const sent = headers()
  for (const line of headerLines) {
    const colon = line.indexOf(':')
    sent.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const options = { timeout: TIMEOUT_MS, headers: sent }
  const reply = await connection.request(`assistants.v1.${project}.${verb}`, body, options)
  for (const [name, values] of reply.headers ?? []) console.error(`${name}: ${values.join(', ')}`)
  console.log(JSON.stringify(reply.json(), null, 2))
  process.exitCode = reply.headers?.get('Nats-Service-Error') ? 1 : 0
} catch (error) {
  console.error(`no answer from ${servers}: ${error.message}`)
  process.exitCode = 1
} finally {
  await connection?.close()
}

/** What the environment names; of what it leaves out, what the local stack says. */
function address() {
  const { NATS_URL, NATS_USER, NATS_PASSWORD } = process.env
  const stack = NATS_URL ? {} : { NATS_URL: local?.natsUrl }
  const commander =
    NATS_URL || NATS_USER ? {} : { NATS_USER: local?.natsUser, NATS_PASSWORD: local?.natsPassword }
  try {
    return natsAddress({ NATS_URL, NATS_USER, NATS_PASSWORD, ...stack, ...commander })
  } catch (error) {
    console.error(error.message)
    process.exit(2)
  }
}

function localStack() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  try {
    return JSON.parse(readFileSync(join(process.env.DATA_DIR || join(root, 'data'), 'local.json'), 'utf8'))
  } catch {
    return undefined
  }
}
