// The users of a project as accounts of a nats-server's configuration, for 2.9 and newer: never a bare `authorization`
// block, which lets a user reach into the global account (CVE-2023-47090). JetStream answers wherever a request says, with
// the server's own rights. So who may ask it and is not trusted with the streams has an account of its own, into which
// nothing is imported but what its user may do: an answer stays there.
import { encodeToken } from '@assistant-ledger/assistant'
import { registerSubject } from './names.js'
import { isOutside, type LedgerUser, type Permissions, permissionsOf } from './permissions.js'

/** A password as it is, or the environment variable of the server that holds it. */
export type Password = string | { readonly variable: string }

export type AccountUser = LedgerUser & { readonly password: Password }

const LEDGER = 'LEDGER'
const API = '$JS.API.'
/** What the API of the ledger's JetStream is within another account, where the server itself answers at its own name. */
const LEDGER_API = 'LEDGER.API.'

/**
 * The `accounts` block with these users and what each may do. Passwords stand in it as they are.
 * @throws RangeError when two users have one name: each would have what the last one may
 */
export function accountsConfig(project: string, users: readonly AccountUser[]): string {
  const names = new Set(users.map(({ name }) => name))
  if (names.size < users.length) throw new RangeError('two users have the same name')
  const within = namesWithin(project)
  const all = users.map((user) => ({ user, may: permissionsOf(user, users, project), within }))
  const outside = all.filter(({ user }) => isOutside(user))
  return `accounts {
  ${LEDGER} {
    jetstream: enabled
    users: [
${all
  .filter(({ user }) => !isOutside(user))
  .map(userConfig)
  .join('\n')}
    ]
    exports: [
${exportsTo(crossings(outside).filter(({ from }) => from === LEDGER)).join('\n')}
    ]
  }
${outside.map((permitted) => accountConfig(permitted, crossings(outside))).join('\n')}
}
`
}

interface Permitted {
  readonly user: AccountUser
  readonly may: Permissions
  /** What a subject of the ledger's account is called in the user's own. */
  readonly within: (subject: string) => string
}

/** The account of one user that is outside. */
function accountConfig(permitted: Permitted, all: readonly Crossing[]): string {
  const account = accountOf(permitted.user)
  const imports = all
    .filter(({ to }) => to === account)
    .map((crossing) => importOf(crossing, permitted.within(crossing.subject)))
  return `  ${JSON.stringify(account)} {
    users: [
${userConfig(permitted)}
    ]
    exports: [
${exportsTo(all.filter(({ from }) => from === account)).join('\n')}
    ]
    imports: [
${imports.join('\n')}
    ]
    mappings: { ${JSON.stringify(`${API}>`)}: ${JSON.stringify(`${LEDGER_API}>`)} }
  }`
}

const importOf = ({ kind, subject, from }: Crossing, within: string): string => {
  const as = subject === within ? '' : `, to: ${JSON.stringify(within)}`
  const account = from === LEDGER ? from : JSON.stringify(from)
  return `      { ${kind}: { account: ${account}, subject: ${JSON.stringify(subject)} }${as} }`
}

/** JetStream's API; and whoever registers a graph: the account puts its user's name into the subject, not the user. */
function namesWithin(project: string): (subject: string) => string {
  const register = registerSubject(project)
  return (subject) => {
    if (subject.startsWith(API)) return `${LEDGER_API}${subject.slice(API.length)}`
    return subject.startsWith(`${register}.`) ? register : subject
  }
}

/** A subject that an account offers to another one: as a service, to be sent to; as a stream, to be heard. */
interface Crossing {
  readonly kind: 'service' | 'stream'
  readonly subject: string
  readonly from: string
  readonly to: string
}

/**
 * What passes between the accounts of those outside and the ledger's. What one of them sends into the ledger's account
 * as to a service the server does not pass on to a third: who may hear it, hears it from the account that it comes from.
 */
function crossings(outside: readonly Permitted[]): readonly Crossing[] {
  const sent = outside.flatMap(({ user, may }) =>
    may.publish.map((subject) => ({ from: accountOf(user), subject })),
  )
  return outside.flatMap(({ user, may }): Crossing[] => {
    const to = accountOf(user)
    const subscribed = may.subscribe.map((subscription) => subscription.split(' ')[0] ?? '')
    return [
      ...may.publish.map((subject): Crossing => ({ kind: 'service', subject, from: LEDGER, to })),
      ...subscribed.flatMap((pattern): Crossing[] => {
        const others = sent.filter(({ from, subject }) => from !== to && isOf(subject, pattern))
        if (others.length === 0) return [{ kind: 'stream', subject: pattern, from: LEDGER, to }]
        return others.map((other): Crossing => ({ kind: 'stream', ...other, to }))
      }),
    ]
  })
}

/** Whether a subject is one of those that a pattern with single wildcards means. */
function isOf(subject: string, pattern: string): boolean {
  const [tokens, wanted] = [subject.split('.'), pattern.split('.')]
  return tokens.length === wanted.length && wanted.every((one, i) => one === '*' || one === tokens[i])
}

/** Each to those alone whose user may use it. */
function exportsTo(all: readonly Crossing[]): string[] {
  const to = new Map<string, string[]>()
  for (const { kind, subject, to: account } of all) {
    const answers = kind === 'service' && subject.includes('.MSG.NEXT.') ? ', response: stream' : ''
    const line = `${kind}: ${JSON.stringify(subject)}${answers}`
    to.set(line, [...(to.get(line) ?? []), JSON.stringify(account)])
  }
  return [...to].map(([line, accounts]) => `      { ${line}, accounts: [${accounts.join(', ')}] }`)
}

const accountOf = ({ name }: LedgerUser): string => `${LEDGER}_${encodeToken(name)}`

function userConfig({ user, may: { publish, subscribe }, within }: Permitted): string {
  // Which of the two names the server holds against the permissions is not the same in all its versions.
  const named = isOutside(user) ? new Set(publish.flatMap((subject) => [subject, within(subject)])) : publish
  return `      {
        user: ${JSON.stringify(user.name)}
        password: ${passwordConfig(user.password)}
        permissions {
          publish { allow: [${subjects([...named])}] }
          subscribe { allow: [${subjects(subscribe)}] }
        }
      }`
}

const passwordConfig = (password: Password): string =>
  typeof password === 'string' ? JSON.stringify(password) : `$${password.variable}`

/** Quoted: a bare `$` begins a variable. */
const subjects = (all: readonly string[]): string =>
  `\n${all.map((subject) => `            ${JSON.stringify(subject)}`).join('\n')}\n          `
