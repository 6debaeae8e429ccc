// What the connection string says, checked before anything connects: one clear line for what is wrong with it, and the
// password never in any line.
import { readFileSync } from 'node:fs'
import type { ChannelCredentialOptions, Credentials } from '@eventstore/db-client'
import { parseConnectionString } from '@eventstore/db-client/dist/Client/parseConnectionString.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { EventStoreNotReady } from './not-ready.js'

/** What a client is made of. */
export interface NodeSettings {
  readonly node: Nodes & { readonly keepAliveTimeout: number }
  readonly credentials: ChannelCredentialOptions
  /** Absent: none in the connection string. */
  readonly user: Credentials | undefined
  /** Hosts and ports, for messages. */
  readonly where: string
  readonly tls: boolean
}

type Options = ReturnType<typeof parseConnectionString>
type Nodes = Partial<Options> & Record<string, unknown>

const KEEP_ALIVE_MS = 10_000

/** @throws EventStoreNotReady the connection string is no good */
export function readSettings(url: string, connectionName: string): NodeSettings {
  const options = parse(url)
  const { hosts, dnsDiscover, tls, defaultCredentials, tlsCAFile, userCertFile, userKeyFile, ...rest } =
    options
  const [first] = hosts
  const found = dnsDiscover
    ? { discover: first }
    : hosts.length > 1
      ? { endpoints: hosts }
      : { endpoint: first }
  const secure = tls !== false
  if ((userCertFile === undefined) !== (userKeyFile === undefined))
    throw bad('userCertFile and userKeyFile belong together: it has only one of them')
  return {
    node: {
      connectionName,
      gossipTimeout: EVENTSTORE_LIMITS.gossip_s,
      ...rest,
      ...found,
      // Without this a refused append would look like one that was written.
      throwOnAppendFailure: true,
      keepAliveTimeout: timeoutOf(rest.keepAliveTimeout),
    },
    credentials: {
      insecure: !secure,
      ...(secure && tlsCAFile ? { rootCertificate: contentOf('tlsCAFile', tlsCAFile) } : {}),
      ...(secure && userCertFile ? { userCertFile: contentOf('userCertFile', userCertFile) } : {}),
      ...(secure && userKeyFile ? { userKeyFile: contentOf('userKeyFile', userKeyFile) } : {}),
    },
    user: defaultCredentials,
    where: hosts.map(({ address, port }) => `${address}:${port}`).join(', '),
    tls: secure,
  }
}

function parse(url: string): Options {
  const credentials = /^[^:]+:\/\/([^@/?]*)@/.exec(url)?.[1]
  if (credentials !== undefined && credentials.split(':').length !== 2)
    throw bad(
      'before the @ it has to say user:password, with any other : in them written %3A, @ as %40, / as %2F',
    )
  try {
    return parseConnectionString(url.trim().replace(/^kurrentdb(\+discover)?:/, 'esdb$1:'))
  } catch {
    // The client's own message repeats what it could not read.
    throw bad(
      'it has the form esdb://user:password@host:2113?option=value, or esdb+discover:// for a cluster by name',
    )
  }
}

/** -1 is never, which only a very long time is when every client needs a value of its own. */
const timeoutOf = (given = KEEP_ALIVE_MS): number => (given < 0 ? 2 ** 30 : given)

function contentOf(option: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw bad(`the file of ${option} cannot be read: ${(error as Error).message}`)
  }
}

const bad = (what: string): EventStoreNotReady =>
  new EventStoreNotReady('url', `EVENTSTORE_URL is no connection string of EventStoreDB: ${what}`)
