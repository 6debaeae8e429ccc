// Whether a log in this event store can work at all, asked once before anything relies on it: is it there, is its
// certificate trusted, are the credentials right, may they read `$all`. Each failure is one line that says what is
// missing and what to do about it.
import { BACKWARDS } from '@eventstore/db-client'
import { newest } from './all.js'
import { Connection } from './connection.js'
import { failureOf, lineOf } from './failures.js'
import { EVENTSTORE_LIMITS } from './limits.js'
import { EventStoreNotReady } from './not-ready.js'
import { readFrom } from './read.js'
import type { NodeSettings } from './settings.js'
import { within } from './within.js'

/** @throws EventStoreNotReady */
export async function checkEventStore(settings: NodeSettings, project: string): Promise<void> {
  const connection = new Connection(settings)
  const limit = EVENTSTORE_LIMITS.check_ms
  try {
    await within(
      twice(() => newest({ connection, requiresLeader: true, signals: [] })),
      limit,
      'reading $all',
    )
  } catch (error) {
    if (failureOf(error).type !== 'denied') throw unreachable(settings, error)
    const ordinary = within(readsStream(connection, `ledger.${project}`), limit, 'reading a stream')
    throw await ordinary.then(
      () => noRight(settings, error),
      (second) =>
        failureOf(second).type === 'denied' ? stranger(settings, second) : unreachable(settings, second),
    )
  } finally {
    await connection.close()
  }
}

/** A follower says who leads, and the next call goes there. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (failureOf(error).type !== 'not-leader') throw error
    return await call()
  }
}

/** Any user may read an ordinary stream unless somebody forbade it: who may not is nobody to the server. */
async function readsStream(connection: Connection, stream: string): Promise<void> {
  const events = readFrom(
    connection,
    (client) => client.readStream(stream, { direction: BACKWARDS, maxCount: 1 }),
    [],
  )
  try {
    for await (const _ of events) return
  } catch (error) {
    if (failureOf(error).type !== 'no-stream') throw error
  }
}

function noRight({ user, where }: NodeSettings, cause: unknown): EventStoreNotReady {
  const name = user?.username ?? '(the user of this service)'
  const data = {
    $userStreamAcl: { $r: '$all', $w: '$all', $d: '$admins', $mr: '$all', $mw: '$admins' },
    $systemStreamAcl: { $r: ['$admins', name], $w: '$admins', $d: '$admins', $mr: '$admins', $mw: '$admins' },
  }
  return new EventStoreNotReady(
    'right-to-read-all',
    `the event store at ${where} does not let user ${name} read $all: an admin has to append to its stream $settings ` +
      'an event of type update-default-acl that lets the user, beside those who may already, as in this data: ' +
      JSON.stringify(data),
    { cause },
  )
}

function stranger({ user, where }: NodeSettings, cause: unknown): EventStoreNotReady {
  const what = user
    ? `does not know user ${user.username} with this password: correct them in EVENTSTORE_URL, or have an admin make the user`
    : 'wants to know who we are: put user:password@ before the host in EVENTSTORE_URL'
  return new EventStoreNotReady('credentials', `the event store at ${where} ${what}`, { cause })
}

function unreachable({ where, tls }: NodeSettings, error: unknown): EventStoreNotReady {
  const line = lineOf(error)
  const failure = (missing: ConstructorParameters<typeof EventStoreNotReady>[0], message: string) =>
    new EventStoreNotReady(missing, `${message} (${line})`, { cause: error })
  if (CERTIFICATE.test(line))
    return failure(
      'certificate',
      `the certificate of the event store at ${where} is not trusted: name its authority's file with tlsCAFile= in ` +
        'EVENTSTORE_URL, and use a host name that the certificate has',
    )
  if (tls && NO_TLS.test(line))
    return failure(
      'tls',
      `the event store at ${where} does not speak TLS: add tls=false to EVENTSTORE_URL, or secure it`,
    )
  const { code } = error as { readonly code?: unknown }
  if (code === UNIMPLEMENTED || NOT_GRPC.test(line))
    return failure(
      'event-store',
      `what answers at ${where} is no EventStoreDB: correct the host and port in EVENTSTORE_URL`,
    )
  const plain = tls ? '' : ', and take tls=false out of EVENTSTORE_URL if it wants TLS'
  return failure(
    'away',
    `the event store at ${where} cannot be reached: start it, or correct EVENTSTORE_URL${plain}`,
  )
}

/** What OpenSSL says is all that tells these apart. */
const CERTIFICATE = /certificate|altnames|CERT_|UNABLE_TO_/i
const NO_TLS = /wrong version number|packet length too long|EPROTO|SSL routines/i
const NOT_GRPC = /HTTP status|Protocol error|NGHTTP2_PROTOCOL_ERROR/i
const UNIMPLEMENTED = 12
