// The users of a project as a block of a nats-server's configuration, for 2.9 and newer. In an account of its own, since
// a bare `authorization` block lets a user reach into the global account (CVE-2023-47090).
import { type LedgerUser, permissionsOf } from './permissions.js'

/** A password as it is, or the environment variable of the server that holds it. */
export type Password = string | { readonly variable: string }

export type AccountUser = LedgerUser & { readonly password: Password }

/**
 * The `accounts` block with these users and what each may do. Passwords stand in it as they are.
 * @throws RangeError when two users have one name: each would have what the last one may
 */
export function accountsConfig(project: string, users: readonly AccountUser[]): string {
  const names = new Set(users.map(({ name }) => name))
  if (names.size < users.length) throw new RangeError('two users have the same name')
  return `accounts {
  LEDGER {
    jetstream: enabled
    users: [
${users.map((user) => userConfig(user, users, project)).join('\n')}
    ]
  }
}
`
}

function userConfig(user: AccountUser, users: readonly AccountUser[], project: string): string {
  const { publish, subscribe } = permissionsOf(user, users, project)
  return `      {
        user: ${JSON.stringify(user.name)}
        password: ${passwordConfig(user.password)}
        permissions {
          publish { allow: [${subjects(publish)}] }
          subscribe { allow: [${subjects(subscribe)}] }
        }
      }`
}

const passwordConfig = (password: Password): string =>
  typeof password === 'string' ? JSON.stringify(password) : `$${password.variable}`

/** Quoted: a bare `$` begins a variable. */
const subjects = (all: readonly string[]): string =>
  `\n${all.map((subject) => `            ${JSON.stringify(subject)}`).join('\n')}\n          `
