// What a clone needs before anything of it can run: Node, the npm packages, nats-server; its tests also PostgreSQL.
// Plain Node, since npm runs a script also where there is no node_modules yet. Says one clear line where it cannot go on.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const NEEDED = [20, 19]

/** A step of the set-up cannot be done; the message is the one line that a person needs. */
export class SetupFailed extends Error {}

/** Does what is missing, nothing when all is there. */
export async function setup() {
  checkNode()
  installPackages()
  checkNativePackages()
  await findNatsServer()
}

/** What the tests need beyond that. */
export async function setupTests() {
  await setup()
  await findPostgres()
}

/** Runs a step of a script with the terminal's input and output; ends the script when the step fails. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (error) throw new SetupFailed(`${command} could not be run: ${error.message}`)
  if (status !== 0) throw new SetupFailed(`${[command, ...args].join(' ')} failed (exit code ${status})`)
}

/** The path of a program that an npm package of this workspace brings. */
export function bin(path) {
  return join(ROOT, 'node_modules', path)
}

/** Runs a script's main function, and turns a failed set-up into one line and exit code 1. */
export async function main(script) {
  try {
    await script()
  } catch (error) {
    if (!(error instanceof SetupFailed)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return
  throw new SetupFailed(`Node ${NEEDED.join('.')} or newer is needed; this is ${process.versions.node}`)
}

function installPackages() {
  if (packagesInstalled()) return
  console.log('installing the npm packages')
  const npm = process.env.npm_execpath
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []]
  const { status } = spawnSync(command, [...args, 'ci'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status === 0) return
  throw new SetupFailed(`npm ci failed: ${compilerMissing() ?? 'its own message is above'}`)
}

/** npm notes at the end of an install what it installed; a broken-off install leaves no note. */
function packagesInstalled() {
  const note = join(ROOT, 'node_modules', '.package-lock.json')
  if (!existsSync(note)) return false
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(note, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.includes('node_modules/') || optional || link || installed[path]?.version === version,
  )
}

/** better-sqlite3 comes prebuilt for common machines and is compiled on others, and for each major of Node. */
function checkNativePackages() {
  const probe = ['-e', `new (require('better-sqlite3'))(':memory:').close()`]
  const loads = () => spawnSync(process.execPath, probe, { cwd: ROOT, stdio: 'ignore' }).status === 0
  if (loads()) return
  console.log('building better-sqlite3 for this Node')
  spawnSync('npm', ['rebuild', 'better-sqlite3'], { cwd: ROOT, stdio: 'ignore' })
  if (loads()) return
  throw new SetupFailed(
    compilerMissing() ?? 'better-sqlite3 does not load: remove node_modules and try again',
  )
}

function compilerMissing() {
  const missing = [['python3'], ['make'], ['g++', 'c++', 'clang++']].filter((names) => !names.some(onPath))
  if (missing.length === 0) return undefined
  const advice = process.platform === 'darwin' ? 'xcode-select --install' : 'apt-get install python3 make g++'
  return `better-sqlite3 has to be compiled here and ${missing[0][0]} is missing: run \`${advice}\`, then try again`
}

function onPath(program) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.some((folder) => folder && existsSync(join(folder, program)))
}

/** NATS_SERVER_BIN, then the PATH, then the system's package manager. */
async function findNatsServer() {
  const named = process.env.NATS_SERVER_BIN
  if (named) {
    if (answers(named)) return
    throw new SetupFailed(`NATS_SERVER_BIN is ${named}, which does not run as nats-server`)
  }
  // Debian installs daemons outside the PATH of users.
  process.env.PATH = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`
  if (answers('nats-server')) return

  await install('nats-server', {
    apt: [APT('nats-server')],
    brew: 'nats-server',
    isThere: () => answers('nats-server'),
    byHand:
      'install nats-server 2.9 or newer (https://github.com/nats-io/nats-server/releases) and put it on the PATH, or name it in NATS_SERVER_BIN',
  })
}

/** Where Debian and Homebrew keep the programs of PostgreSQL's server: not on the PATH. */
const POSTGRES_HOMES = ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt']

/** While this file is there, Debian's package makes no database of its own and has nothing to start. */
const NO_CLUSTER = '/etc/postgresql-common/createcluster.d/assistant-ledger.conf'

/** POSTGRES_BIN, then where packages put it, then the system's package manager. The tests start servers of their own. */
async function findPostgres() {
  const named = process.env.POSTGRES_BIN
  if (named) {
    if (hasPostgres(named)) return
    throw new SetupFailed(`POSTGRES_BIN is ${named}, which has not both initdb and postgres`)
  }
  const isThere = () => postgresFolders().some(hasPostgres)
  if (isThere()) return
  await install('postgresql', {
    apt: [
      ['mkdir', '-p', dirname(NO_CLUSTER)],
      ['sh', '-c', `echo 'create_main_cluster = false' > ${NO_CLUSTER}`],
      APT('postgresql'),
      ['rm', NO_CLUSTER],
    ],
    brew: 'postgresql@17',
    isThere,
    byHand:
      'install PostgreSQL 13 or newer and name the folder that has its initdb and postgres in POSTGRES_BIN',
  })
}

function postgresFolders() {
  const installed = POSTGRES_HOMES.filter((home) => existsSync(home)).flatMap((home) =>
    readdirSync(home).map((name) => join(home, name, 'bin')),
  )
  return [...installed, ...(process.env.PATH ?? '').split(delimiter)]
}

function hasPostgres(folder) {
  return ['initdb', 'postgres'].every((program) => existsSync(join(folder, program)))
}

const APT = (name) => ['apt-get', 'install', '-q', '-y', '--no-install-recommends', name]

/** Installs a program with the system's package manager, when whoever is asked agrees. */
async function install(name, { apt, brew, isThere, byHand }) {
  const commands = installCommands(apt, brew)
  if (!commands) throw new SetupFailed(`${name} is missing, and there is no apt-get or brew: ${byHand}`)
  const shown = commands.map((command) => command.join(' ')).join(' && ')
  if (!(await agreed(`${name} is missing. Install it with \`${shown}\`? [Y/n] `))) {
    throw new SetupFailed(`${name} is missing: ${byHand}`)
  }
  for (const [command, ...args] of commands) {
    console.log(`${command} ${args.join(' ')}`)
    spawnSync(command, args, { stdio: ['inherit', 'ignore', 'inherit'] })
  }
  if (!isThere()) throw new SetupFailed(`\`${shown}\` did not work: ${byHand}`)
}

function answers(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function installCommands(apt, brew) {
  if (onPath('apt-get')) {
    const root = process.getuid?.() === 0
    if (!root && !onPath('sudo')) return undefined
    // Without a person to type a password sudo must not wait for one.
    const as = root ? [] : ['sudo', ...(process.stdin.isTTY ? [] : ['-n'])]
    return [['apt-get', 'update', '-q'], ...apt].map((command) => [...as, ...command])
  }
  if (onPath('brew')) return [['brew', 'install', brew]]
  return undefined
}

async function agreed(question) {
  if (!process.stdin.isTTY || process.env.CI) return true
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(question)
  terminal.close()
  return !/^n/i.test(answer.trim())
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main(setupTests)
