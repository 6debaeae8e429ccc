// Is the service there, whole, of this version, on the same time, and what may the caller do?
import { randomUUID } from 'node:crypto'
import { Failure } from '../failure.js'
import type { Service } from '../service/service.js'
import { VERSION } from '../version.js'
import { type Finding, finding } from './finding.js'

/** Clocks that differ by more make times in receipts hard to read. The Date header has whole seconds. */
const SKEW_MS = 2_000
interface Info {
  readonly service?: string
  readonly version?: string
}

/** @returns the findings; `there` when there is a service to ask further */
export async function checkService(
  service: Service,
): Promise<{ readonly there: boolean; readonly findings: readonly Finding[] }> {
  const begun = performance.now()
  try {
    const { body, headers } = await service.ask<Info>('GET', '/info', { what: 'info' })
    const took = performance.now() - begun
    if (body?.service !== 'assistant-ledger') {
      const kind = finding(
        'wrong',
        'HTTP',
        `${service.url} answers, but is no Assistant Ledger; is --url right?`,
      )
      return { there: false, findings: [kind] }
    }
    return {
      there: true,
      findings: [
        finding('ok', 'HTTP', `${service.url} answers in ${Math.round(took)} ms`),
        versionOf(body),
        clockOf(headers.get('date'), took),
        ...(await health(service)),
        ...(await rights(service)),
      ],
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { there: false, findings: [finding('wrong', 'HTTP', error.message.replace(/^info: /, ''))] }
  }
}

function versionOf({ version }: Info): Finding {
  if (version === VERSION) return finding('ok', 'version', `the service and this command are both ${VERSION}`)
  return finding('unknown', 'version', `the service is ${version}, this command ${VERSION}: use the same`)
}

function clockOf(date: string | null, tookMs: number): Finding {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return finding('unknown', 'clock', 'the service does not say what time it is')
  // The header was cut to whole seconds, and is as old as the answer took.
  const ahead = theirs + 500 - (Date.now() - tookMs / 2)
  if (Math.abs(ahead) <= SKEW_MS) return finding('ok', 'clock', 'the clocks agree to within 2 s')
  const seconds = Math.round(Math.abs(ahead) / 1000)
  return finding(
    'wrong',
    'clock',
    `the service's clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine's: let both follow NTP`,
  )
}

interface Health {
  readonly details?: Readonly<Record<string, Part>>
}

interface Part {
  readonly status: string
  readonly word: string
  readonly means: string
}

async function health(service: Service): Promise<Finding[]> {
  try {
    // 503 says which parts are missing.
    const ask = { accepts: [503], what: 'health' }
    return partsOf((await service.ask<Health>('GET', '/health/ready', ask)).body)
  } catch (error) {
    if (error instanceof Failure) return [finding('unknown', 'health', error.message)]
    throw error
  }
}

const partsOf = (body: Health): Finding[] =>
  Object.entries(body.details ?? {}).map(([name, { status, word, means }]) =>
    finding(status === 'up' ? 'ok' : 'wrong', name.replace('_', ' '), `${word}: ${means}`),
  )

/** A revision that no assistant has: whatever else holds, nothing is written. */
const NEVER = { ifMatch: String(Number.MAX_SAFE_INTEGER) }

/** What is asked of an assistant that there is not: it is refused, to whoever may do it as not found. */
const RIGHTS: readonly (readonly [string, (service: Service, path: string) => Promise<unknown>])[] = [
  ['read', (service) => service.ask('POST', '/assistants/count', { body: {} })],
  [
    'write',
    (service, path) => service.order('PATCH', path, { ...NEVER, body: {}, query: { promote: false } }),
  ],
  [
    'promote to live',
    (service, path) => service.order('POST', `${path}/latest`, { ...NEVER, body: { version: 1 } }),
  ],
  ['delete', (service, path) => service.order('DELETE', path, NEVER)],
]

/** Refusals that come after the question whether it is allowed. */
const ALLOWED: ReadonlySet<string | undefined> = new Set(['not-found', 'revision-mismatch'])

async function rights(service: Service): Promise<Finding[]> {
  const path = `/assistants/${randomUUID()}`
  const may: string[] = []
  const mayNot: string[] = []
  let isAsked = false
  for (const [name, ask] of RIGHTS)
    try {
      await ask(service, path)
      may.push(name)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      isAsked ||= error.status === 401
      if (ALLOWED.has(error.code)) may.push(name)
      else if (error.status === 401 || error.status === 403) mayNot.push(name)
      else return [finding('unknown', 'rights', error.message)]
    }
  const who = whoOf(service)
  if (may.length === 0) return [finding('wrong', 'identity', nothingAllowed(service, who, isAsked))]
  const not = mayNot.length > 0 ? `; not allowed: ${mayNot.join(', ')}` : ''
  return [finding('ok', 'identity', `${who}; allowed: ${may.join(', ')}${not}`)]
}

/** What is shown, and whose it says that it is. */
function whoOf({ settings }: Service): string {
  const { token, apiKey, actor } = settings.identity
  if (token !== undefined) {
    const subject = subjectOf(token)
    return subject === undefined ? 'with a token' : `with a token of ${subject}`
  }
  return apiKey === undefined ? `as ${actor ?? 'anonymous'}, unverified` : 'with an API key'
}

function nothingAllowed({ settings }: Service, who: string, isAsked: boolean): string {
  const { token, apiKey } = settings.identity
  const shows = token !== undefined || apiKey !== undefined
  if (!isAsked) return `${who} nothing is allowed: ask for a role; docs/authentication.md lists them`
  return shows
    ? `${who} nothing is allowed: the service does not take it; give another --token or --api-key`
    : 'the service asks who you are: give --token or --api-key, or put them into a profile'
}

/** Of a JWT; whether it is true is for the service to find out. */
function subjectOf(token: string): string | undefined {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof sub === 'string' && sub !== '' ? sub : undefined
  } catch {
    return undefined
  }
}
