// Prints the configuration of a NATS server for production: JetStream, and the users of one project with what each may
// do. `nats.conf` is what it prints when told nothing:
//   PROJECT=default npm run -s nats-conf -- writer-1@live:writer,editor writer-2@staging:writer > nats.conf
// A user's password is the server's environment variable <USER>_PASSWORD, in capitals, `_` for what is no letter or digit.
import process from 'node:process'
import { accountsConfig } from '@assistant-ledger/change-feed'

/** Replies of the registry are larger than the server's own limit of 1 MiB allows. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
const DEFAULT_RUNNERS = ['writer-1@live:writer']

const USAGE = `usage: npm run -s nats-conf -- <runner>@<environment>:<graph>,<graph> … > nats.conf
PROJECT names the project; without a runner it is ${DEFAULT_RUNNERS.join(' ')}`

const args = process.argv.slice(2)
if (args.some((arg) => arg === '--help' || arg === '-h')) {
  console.log(USAGE)
  process.exit(0)
}
const project = process.env.PROJECT || 'default'
if (!/^[a-z0-9_]{1,32}$/.test(project))
  end(`PROJECT is ${JSON.stringify(project)}, but has to match [a-z0-9_]{1,32}`)

const ROLES = ['registry', 'commander', 'auditor']
const runners = (args.length > 0 ? args : DEFAULT_RUNNERS).map(runner)
for (const [i, { name }] of runners.entries()) {
  if (ROLES.includes(name)) end(`${name} is the user of a role already: choose another name for the runner`)
  if (runners.findIndex((one) => one.name === name) < i)
    end(`${name} is there twice: a runner has one environment, and all its graphs in one argument`)
}
const users = [...ROLES.map((role) => ({ name: role, role })), ...runners].map((user) => ({
  ...user,
  password: { variable: variableOf(user.name) },
}))

const taken = new Map()
for (const { name, password } of users) {
  const other = taken.get(password.variable)
  if (other !== undefined)
    end(`${other} and ${name} would have the same password variable ${password.variable}: choose other names`)
  taken.set(password.variable, name)
}

process.stdout.write(`# The broker of docker-compose.yml, as scripts/nats-conf.mjs prints it: who may do what is said in
# libs/change-feed/src/permissions.ts. NATS reads the value of a variable as configuration: a password has letters,
# digits, - and _, and begins with a letter.
max_payload: ${MAX_PAYLOAD_BYTES}
jetstream { store_dir: /data }
${accountsConfig(project, users)}`)

function runner(text) {
  const [, name, environment, graphs] = /^([^@\s]+)@([^:\s]+):([^,\s]+(?:,[^,\s]+)*)$/.exec(text) ?? []
  if (!name) end(`${text} is not like <runner>@<environment>:<graph>,<graph>\n${USAGE}`)
  return { name, role: 'runner', environment, graphs: graphs.split(','), runs: true }
}

function variableOf(user) {
  return `${user.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_PASSWORD`
}

function end(why) {
  console.error(why)
  process.exit(2)
}
