// Where NATS is and as whom to connect, read from the environment in one way by everything that connects. What is
// returned as `servers` holds no credentials, and no message shows a value that may: both can be printed.
import { BadOption } from './errors.js'
import { encodeToken } from './names.js'

export interface NatsAddress {
  readonly servers: readonly string[]
  /** Absent: nobody in particular. */
  readonly login?: NatsLogin
}

/** Options of a connection, to be spread into them. */
export interface NatsLogin {
  readonly user: string
  readonly pass: string
  /** A user with permissions is answered at an inbox of its own. */
  readonly inboxPrefix: string
}

type Environment = Readonly<Partial<Record<'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD', string>>>

/**
 * Reads `NATS_URL` (one or more servers, separated by commas), and who connects from `NATS_USER` and `NATS_PASSWORD` or
 * from `nats://user:password@host`.
 * @param otherwise the URL when there is none
 * @throws BadOption one line that names the variable
 */
export function natsAddress(env: Environment, otherwise = 'nats://127.0.0.1:4222'): NatsAddress {
  const text = env.NATS_URL || otherwise
  const urls = text.split(',').map((url) => readUrl(url.trim(), text))
  const given = loginIn(env)
  const inUrls = urls.flatMap((url) => loginInUrl(url) ?? [])
  const [first] = inUrls
  if (first && given) throw new BadOption('NATS_USER is set, but NATS_URL names a user too')
  if (inUrls.some(({ user, pass }) => user !== first?.user || pass !== first.pass))
    throw new BadOption('NATS_URL names several users, but one connects')
  const login = given ?? first
  return Object.freeze({
    servers: Object.freeze(urls.map(({ protocol, host }) => `${protocol}//${host}`)),
    ...(login && { login }),
  })
}

function readUrl(url: string, text: string): URL {
  if (/^(nats|tls):\/\/[^/?#]+\/?$/.test(url) && URL.canParse(url)) return new URL(url)
  const shown = text.includes('@') ? 'not shown, since it may hold a password' : JSON.stringify(text)
  throw new BadOption(`NATS_URL is ${shown}, but has to be like nats://127.0.0.1:4222 or tls://…`)
}

function loginIn({ NATS_USER: user, NATS_PASSWORD: pass }: Environment): NatsLogin | undefined {
  if (user && pass) return loginOf(user, pass)
  if (user) throw new BadOption('NATS_USER is set, but NATS_PASSWORD is not')
  if (pass) throw new BadOption('NATS_PASSWORD is set, but NATS_USER is not')
  return undefined
}

function loginInUrl({ username, password }: URL): NatsLogin | undefined {
  if (!username && !password) return undefined
  if (!username || !password)
    throw new BadOption('NATS_URL has only one of user and password: nats://user:password@host')
  return loginOf(decoded(username), decoded(password))
}

const loginOf = (user: string, pass: string): NatsLogin =>
  Object.freeze({ user, pass, inboxPrefix: `_INBOX_${encodeToken(user)}` })

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new BadOption('NATS_URL has a user or password with a % that is not percent-encoded')
  }
}
