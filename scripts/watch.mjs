// The live feed of convergence in a terminal: a JSON line for each step of one assistant's promotions, or of all
// assistants', until Ctrl-C. Who and where is found as by request.mjs.
import process from 'node:process'
import { connect } from '@nats-io/transport-node'
import { address, project } from './local-bus.mjs'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const USAGE = 'usage: npm run -s watch -- [<assistant_id>]'

const [id, ...more] = process.argv.slice(2)
if (id === '--help' || id === '-h') {
  console.log(USAGE)
  process.exit(0)
}
if (more.length > 0 || (id !== undefined && !UUID.test(id))) end(`${USAGE}, an id being a UUID`, 2)

const connection = await open()
const subject = `assistants.v1.${project}.fleet.${id === undefined ? '*' : id.toLowerCase()}`
const told = connection.subscribe(subject)
// A server that does not allow it says so only after it has read the subscription.
await connection.flush()
console.error(`watching ${subject} at ${connection.getServer()}`)
process.once('SIGINT', () => connection.close())
process.once('SIGTERM', () => connection.close())
try {
  for await (const message of told) {
    const assistant_id = message.subject.slice(message.subject.lastIndexOf('.') + 1)
    console.log(JSON.stringify({ assistant_id, ...message.json() }))
  }
} catch (error) {
  end(`the feed ended: ${error.message}`, 1)
}

async function open() {
  try {
    const { servers, login } = address()
    return await connect({ ...login, servers, name: 'watch', maxReconnectAttempts: -1 })
  } catch (error) {
    end(`nothing to watch: ${error.message}`, 1)
  }
}

function end(why, code) {
  console.error(why)
  process.exit(code)
}
