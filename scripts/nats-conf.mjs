// Prints the configuration of a NATS server for production: JetStream, and the users of one project with what each may
// do. `nats.conf` is what it prints when told nothing:
//   PROJECT=default npm run -s nats-conf -- writer-1@live:writer,editor writer-2@staging:writer > nats.conf
// A user's password is the server's environment variable <USER>_PASSWORD.
import process from 'node:process'
import { accountsConfig } from '@assistant-ledger/change-feed'

/** Replies of the registry are larger than the server's own limit of 1 MiB allows. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
const DEFAULT_RUNNERS = ['writer-1@live:writer']

const project = process.env.PROJECT || 'default'
if (!/^[a-z0-9_]{1,32}$/.test(project))
  end(`PROJECT is ${JSON.stringify(project)}, but has to match [a-z0-9_]{1,32}`)

const runners = process.argv.length > 2 ? process.argv.slice(2) : DEFAULT_RUNNERS
const users = [
  { name: 'registry', role: 'registry' },
  { name: 'commander', role: 'commander' },
  { name: 'auditor', role: 'auditor' },
  ...runners.map(runner),
].map((user) => ({ ...user, password: { variable: variableOf(user.name) } }))

if (new Set(users.map(({ password }) => password.variable)).size < users.length)
  end('two users would have the same password variable: choose other names')

process.stdout.write(`# The broker of docker-compose.yml, as scripts/nats-conf.mjs prints it: who may do what is said in
# libs/change-feed/src/permissions.ts. NATS reads the value of a variable as configuration: a password has letters,
# digits, - and _, and begins with a letter.
max_payload: ${MAX_PAYLOAD_BYTES}
jetstream { store_dir: /data }
${accountsConfig(project, users)}`)

function runner(text) {
  const [, name, environment, graphs] = /^([^@\s]+)@([^:\s]+):([^,\s]+(?:,[^,\s]+)*)$/.exec(text) ?? []
  if (!name) end(`${text} is not like <runner>@<environment>:<graph>,<graph>`)
  return { name, role: 'runner', environment, graphs: graphs.split(','), runs: true }
}

function variableOf(user) {
  return `${user.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_PASSWORD`
}

function end(why) {
  console.error(why)
  process.exit(2)
}
