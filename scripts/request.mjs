// One request over the bus, for a terminal without the nats tool; `--help` shows how. What cannot be meant is refused
// before anything is sent: a command without the key that its sender wrote is another command.
import process from 'node:process'
import { COMMANDS, QUERIES } from '@assistant-ledger/change-feed'
import { connect, errors, headers, Match } from '@nats-io/transport-node'
import { address, project } from './local-bus.mjs'

const TIMEOUT_MS = 10_000
/** How long a command that says `wait` is waited for beyond that, unless it says how long itself. */
const WAIT_MS = 10_000

/** What a runner sends when it starts; sent again it adds nothing. */
const REPORTS = ['graphs.register']
const VERBS = [...COMMANDS, ...QUERIES, ...REPORTS]
/** A graph's name as NATS has it in a subject: a byte outside `[A-Za-z0-9_-]` is `=XX`. */
const RUN = /^runs\.(?<graph>[A-Za-z0-9_=-]+)$/

const USAGE = `usage: node scripts/request.mjs <verb> '<json>' ['Name: value' …]

verbs    ${[...COMMANDS, ...QUERIES].join(', ')},
         ${REPORTS.join(', ')}
         runs.<graph>, which the runners of that graph answer
json     the request, an object; {} when it is left out
headers  Idempotency-Key, If-Match, X-Actor, X-Reason, …: each an argument of its own

examples, where … is an assistant's id:
  node scripts/request.mjs create '{"graph_id":"writer","name":"Blog"}' 'Idempotency-Key: blog-1' 'X-Actor: ada'
  node scripts/request.mjs update '{"assistant_id":"…","name":"Brief","wait":"converged"}'
  node scripts/request.mjs promote '{"assistant_id":"…","version":2,"guard":{"within_ms":5000},"wait":"converged"}'
  node scripts/request.mjs rollback '{"assistant_id":"…"}' 'If-Match: 2'
  node scripts/request.mjs history '{"assistant_id":"…","limit":20}'
  node scripts/request.mjs diff '{"assistant_id":"…","from":"1","to":"live"}'
  node scripts/request.mjs blame '{"assistant_id":"…","path":"/context"}'
  node scripts/request.mjs fleet '{}'
  node scripts/request.mjs fleet '{"assistant_id":"…"}'
  node scripts/request.mjs fleet '{"assistant_id":"…","promotions":true}'
  node scripts/request.mjs runs.writer '{"assistant_id":"…","input":{"topic":"tea"}}'

The answer goes to the standard output, its headers to the other. Ends with 0 for an answer, 1 for a refusal or none,
2 when nothing could be sent because of the arguments or settings, 3 for a command that took effect and whose receipt has
not converged. The live feed of convergence: npm run -s watch -- <assistant_id>. Settings, from the environment: NATS_URL, NATS_USER,
NATS_PASSWORD and PROJECT, or those of the stack that \`npm start\` runs on DATA_DIR, or nats://127.0.0.1:4222 as nobody
in particular.`

const request = readArguments(process.argv.slice(2))
const { servers, login } = addressOrEnd()
process.exitCode = await send()

/** @returns what is to be sent; ends the process when there is nothing or when it cannot be meant */
function readArguments([verb, body = '{}', ...lines]) {
  if (verb === '--help' || verb === '-h') {
    console.log(USAGE)
    process.exit(0)
  }
  if (verb === undefined) {
    console.error(USAGE)
    process.exit(2)
  }
  const graph = RUN.exec(verb)?.groups.graph
  if (!graph && !VERBS.includes(verb))
    refuse(`${JSON.stringify(verb)} is neither runs.<graph> nor one of ${VERBS.join(', ')}`)
  const wait = waitOf(readBody(body))
  return { verb, graph, body, headers: readHeaders(lines), timeout: TIMEOUT_MS + wait, waits: wait > 0 }
}

function readBody(text) {
  let value
  try {
    value = JSON.parse(text)
  } catch (error) {
    refuse(`the request ${JSON.stringify(text)} is not JSON: ${error.message}`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    refuse(`the request ${JSON.stringify(text)} is JSON, but not an object like {"assistant_id":"…"}`)
  return value
}

function readHeaders(lines) {
  const read = headers()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, Math.max(colon, 0)).trim(), line.slice(colon + 1).trim()]
    const shown = JSON.stringify(line)
    if (colon < 1 || value === '') refuse(`the argument ${shown} is not a header like 'Name: value'`)
    if (!/^[!-~]+$/.test(name))
      refuse(`the header ${shown} has a name with a space or a letter outside ASCII`)
    if (/[\r\n]/.test(value)) refuse(`the header ${shown} has a value of more than one line`)
    if (read.has(name, Match.IgnoreCase)) refuse(`the header ${name} is given twice`)
    read.set(name, value)
  }
  return read
}

/** A command that waits for its receipt is answered that much later. */
function waitOf({ wait, wait_ms }) {
  if (wait === undefined || wait === null) return 0
  return Number.isSafeInteger(wait_ms) && wait_ms > 0 ? wait_ms : WAIT_MS
}

function addressOrEnd() {
  try {
    return address()
  } catch (error) {
    console.error(`nothing was sent: ${error.message}`)
    process.exit(2)
  }
}

/** @returns the exit code */
async function send() {
  let connection
  try {
    connection = await connect({ ...login, servers, name: 'request' })
  } catch (error) {
    console.error(`nothing was sent: no connection to ${servers}: ${error.message}`)
    return 1
  }
  try {
    const subject = `assistants.v1.${project}.${request.verb}`
    const { body, timeout } = request
    const reply = await connection.request(subject, body, { timeout, headers: request.headers })
    for (const [name, values] of reply.headers ?? []) console.error(`${name}: ${values.join(', ')}`)
    console.log(JSON.stringify(reply.json(), null, 2))
    if (reply.headers?.get('Nats-Service-Error')) return 1
    const receipt = reply.json()?.receipt
    return receipt?.converged === false || (request.waits && !receipt) ? 3 : 0
  } catch (error) {
    console.error(`no answer from ${servers}: ${reasonOf(error)}`)
    return 1
  } finally {
    await connection.close()
  }
}

function reasonOf(error) {
  const { graph, verb, timeout } = request
  const unheard = error.cause instanceof errors.NoRespondersError || error instanceof errors.NoRespondersError
  if (unheard && graph)
    return `no runner of the graph ${graph} takes runs in the project ${project}: start one that follows it`
  if (unheard) return `no registry is there for the project ${project}`
  if (!(error instanceof errors.TimeoutError)) return error.message
  const unknown = ', and it may have taken effect: send it again with the same Idempotency-Key to know'
  return `none within ${timeout} ms${COMMANDS.includes(verb) ? unknown : ''}`
}

function refuse(reason) {
  console.error(`nothing was sent: ${reason}`)
  console.error('node scripts/request.mjs --help shows what it takes')
  process.exit(2)
}
