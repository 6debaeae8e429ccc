// Who the parts of the stack are to their NATS server. An open one takes everybody; a secure one has a user for each
// part, with a password that the first secure start makes and the next ones find again, readable by its owner alone.
import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { accountsConfig, type LedgerUser } from '@assistant-ledger/change-feed'
import { type NatsLogin, natsAddress } from '@assistant-ledger/client'

export const PASSWORD_FILE = 'nats-users.json'
/** Who sends commands: the stack itself, and whoever tries something on it. */
export const COMMANDER = 'commander'
export const REGISTRY = 'registry'
const AUDITOR = 'auditor'

const PASSWORD_BYTES = 24

export type RunnerUser = LedgerUser & { readonly role: 'runner' }

export interface Access {
  /** What the server's configuration says of its users. */
  readonly serverConfig: string
  /** The environment of a process that connects as this user. */
  env(user: string): { NATS_USER: string; NATS_PASSWORD: string }
  /** Options of a connection as this user; undefined where everybody may connect. */
  login(user: string): NatsLogin | undefined
}

/** Nobody is anybody: what the environment says of users is for another server. */
export const OPEN: Access = {
  serverConfig: '',
  env: () => ({ NATS_USER: '', NATS_PASSWORD: '' }),
  login: () => undefined,
}

/** A user for the registry, for commands, for reading alone, and for each of the runners. */
export async function secureAccess(
  dataDir: string,
  project: string,
  runners: readonly RunnerUser[],
): Promise<Access> {
  const users: LedgerUser[] = [
    { name: REGISTRY, role: 'registry' },
    { name: COMMANDER, role: 'commander' },
    { name: AUDITOR, role: 'auditor' },
    ...runners,
  ]
  const passwords = await passwordsOf(
    join(dataDir, PASSWORD_FILE),
    users.map(({ name }) => name),
  )
  const passwordOf = (user: string): string => {
    const password = passwords[user]
    if (password === undefined) throw new Error(`there is no user ${user}`)
    return password
  }
  const env = (user: string) => ({ NATS_USER: user, NATS_PASSWORD: passwordOf(user) })
  return {
    serverConfig: accountsConfig(
      project,
      users.map((user) => ({ ...user, password: passwordOf(user.name) })),
    ),
    env,
    login: (user) => natsAddress(env(user)).login,
  }
}

async function passwordsOf(file: string, users: readonly string[]): Promise<Record<string, string>> {
  const found = await readPasswords(file)
  const made = Object.fromEntries(
    users.map((user) => [user, randomBytes(PASSWORD_BYTES).toString('base64url')]),
  )
  const all = { ...made, ...found }
  await writeFile(file, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 })
  // The mode above is only that of a file that was not there yet.
  await chmod(file, 0o600)
  return all
}

/** What cannot be read as passwords is none that a server still knows: new ones do. */
async function readPasswords(file: string): Promise<Record<string, string>> {
  try {
    const found: Record<string, unknown> = JSON.parse(await readFile(file, 'utf8'))
    const passwords = Object.entries(found).filter(([, password]) => typeof password === 'string' && password)
    return Object.fromEntries(passwords) as Record<string, string>
  } catch {
    return {}
  }
}
