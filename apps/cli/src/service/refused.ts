// What a refusal or a service out of reach is to the person at the terminal: one line, with what to do.
import type { RefusalCode } from '@assistant-ledger/assistant'
import { clause, EXIT, type ExitCode, Failure } from '../failure.js'
import type { Settings } from '../settings.js'

/** What to do about a refusal, by the service's code. */
const BY_CODE: Partial<Record<RefusalCode, string>> = {
  'not-found': 'assistants list shows those that are there',
  'version-not-found': 'assistants log shows the versions there are',
  'graph-not-found': 'the graphs are those of the langgraph.json of the service',
  'already-exists': 'change it with: assistants update',
  'key-reused': 'give another --idempotency-key, or none',
  moved: 'look at it again with: assistants environments',
  conflict: 'look at what is there now, and try again',
  'revision-mismatch': 'somebody changed it meanwhile; look at it again and decide again',
  busy: 'try again in a moment',
  unavailable: 'try again; assistants doctor shows which part is missing',
}

const BY_STATUS: Readonly<Record<number, string>> = {
  401: 'give --token or --api-key, or put them into a profile: assistants profile set',
  403: 'ask for the right to do that; docs/authentication.md lists the roles',
  413: 'ask for less with --limit',
  502: 'what stands before the service cannot reach it',
  504: 'what stands before the service had no answer from it; try again',
}

/**
 * Sentences that speak of the API's own names, as whoever types commands would say them; and what to do where that is
 * another thing than for the code as a whole.
 */
const SAID: readonly (readonly [api: RegExp, here: string, advice?: string])[] = [
  [
    /; fleet with promotions: true lists all there were$/,
    '',
    'assistants log --type promoted shows all there were',
  ],
  [/; look again, then decide$/, ''],
  [/^If-Match says revision (\d+), the assistant is at (\d+)$/, 'it is at revision $2 now, not at $1'],
  [
    /to record it all the same, send X-Allow-Secrets: true and an X-Reason$/,
    'to record it all the same, give --allow-secrets with --reason',
  ],
  [/X-Allow-Secrets needs an X-Reason that says/, '--allow-secrets needs a --reason that says'],
  [
    /(did not exist|is one that was deleted|had no version in environment \S+) at .*$/,
    '$&',
    'assistants log shows what there was when',
  ],
]

const CHANGED: ReadonlySet<unknown> = new Set(['revision-mismatch', 'moved', 'conflict'])

/** @param what was asked for @param body as the service sent it, JSON or text */
export function refusedBy(status: number, body: unknown, what: string, url: string): Failure {
  const { detail, code } = (typeof body === 'object' && body !== null ? body : {}) as {
    detail?: unknown
    code?: RefusalCode
  }
  if (detail === undefined && status === 404) return notTheService(what, url, status)
  const { said, advice: ofSaid } = ownWords(
    typeof detail === 'string' ? clause(detail) : `the service answered ${status}`,
  )
  const advice = ofSaid ?? (code === undefined ? undefined : BY_CODE[code]) ?? BY_STATUS[status]
  const exit: ExitCode = CHANGED.has(code) || status === 412 ? EXIT.changed : EXIT.failed
  return new Failure(`${what}: ${said}${advice === undefined ? '' : `; ${advice}`}`, exit, code, status)
}

/** A sentence of the service, as this command says it. */
export function ownWords(sentence: string): { readonly said: string; readonly advice?: string } {
  const [api, here, advice] = SAID.find(([api]) => api.test(sentence)) ?? []
  if (api === undefined || here === undefined) return { said: sentence }
  return { said: sentence.replace(api, here), ...(advice === undefined ? {} : { advice }) }
}

/** What answers is something else. */
export const notTheService = (what: string, url: string, status?: number): Failure =>
  new Failure(
    `${what}: ${url} answers, but not as this service does; is --url right?`,
    EXIT.failed,
    undefined,
    status,
  )

/** What fetch threw. @param isOrder whether it may have taken effect */
export function unreached(
  error: unknown,
  what: string,
  { url, timeoutMs }: Settings,
  isOrder: boolean,
): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error
  const doubt = isOrder ? '; it may have taken effect: look with assistants show, or send it again' : ''
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return new Failure(
      `${what}: no answer from ${url} within ${timeoutMs / 1000} s${doubt || '; --timeout waits longer'}`,
    )
  if (error.name !== 'TypeError') return error
  const code = codeOf(error.cause)
  switch (code) {
    case 'ECONNREFUSED':
      return new Failure(
        `${what}: nothing listens at ${url}; start the service with npm start, or say where it is with --url or ASSISTANTS_URL`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Failure(`${what}: the host of ${url} is not known; is --url right?`)
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
    case 'EPIPE':
      return new Failure(`${what}: ${url} broke the connection off${doubt || '; try again'}`)
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return new Failure(`${what}: ${url} does not speak TLS; is it http:// that is meant?`)
    default: {
      const reason = reasonOf(error.cause ?? error)
      if (CERTIFICATE.test(code ?? ''))
        return new Failure(
          `${what}: the certificate of ${url} is not to be trusted: ${reason}; NODE_EXTRA_CA_CERTS names the file of an authority of your own`,
        )
      return new Failure(`${what}: ${url} cannot be reached: ${reason}; is --url right?`)
    }
  }
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ALTNAME/

/** Where a name has several addresses, the failures of all of them come as one. */
function codeOf(cause: unknown): string | undefined {
  const { code, errors } = (cause ?? {}) as { code?: string; errors?: readonly { code?: string }[] }
  return code ?? errors?.[0]?.code
}

const reasonOf = (cause: unknown) => (cause instanceof Error ? clause(cause.message) : String(cause))
