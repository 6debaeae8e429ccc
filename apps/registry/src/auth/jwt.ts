// Bearer tokens of an issuer: JWTs that its published keys verify, for this audience, not expired, with a subject.
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from 'jose'
import { warn } from '../lines.js'
import type { JwtSettings } from '../settings.js'
import { HttpRefusal } from './authorizer.js'
import { AUTH_LIMITS } from './limits.js'

/** Those of a key pair: with a shared secret whoever verifies could sign. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** Who holds a token, and every role that it has, also those of others. */
export interface Holder {
  readonly id: string
  readonly roles: readonly string[]
}

export class Jwt {
  private readonly keys: ReturnType<typeof createRemoteJWKSet>

  constructor(private readonly settings: JwtSettings) {
    this.keys = createRemoteJWKSet(new URL(settings.jwksUrl), {
      timeoutDuration: AUTH_LIMITS.jwksTimeout_ms,
      cooldownDuration: AUTH_LIMITS.jwksCooldown_ms,
      cacheMaxAge: AUTH_LIMITS.jwksAge_ms,
    })
  }

  /** @throws HttpRefusal 401, or 503 while the issuer's keys cannot be read */
  async holderOf(token: string): Promise<Holder> {
    if (token.length > AUTH_LIMITS.token) throw invalidToken(`is longer than ${AUTH_LIMITS.token} characters`)
    const { issuer, audience, rolesClaim } = this.settings
    try {
      const { payload } = await jwtVerify(token, this.keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: AUTH_LIMITS.clockTolerance_s,
      })
      if (typeof payload.sub !== 'string' || payload.sub === '') throw invalidToken('has no sub')
      return { id: payload.sub, roles: rolesIn(claimIn(payload, rolesClaim)) }
    } catch (error) {
      if (error instanceof HttpRefusal) throw error
      if (isOfToken(error)) throw invalidToken(faultOf(error, token, issuer))
      warn(`the keys of AUTH_JWKS_URL cannot be read: ${(error as Error).message}`)
      throw new HttpRefusal(503, "The issuer's keys cannot be read; try again", { 'retry-after': '1' })
    }
  }
}

/** Whether a bearer is to be read as a JWT: three parts of base64url, the first of them a JSON object. */
export function isJwtShaped(token: string): boolean {
  const [, head] = /^([\w-]+)\.[\w-]*\.[\w-]*$/.exec(token) ?? []
  if (head === undefined) return false
  try {
    const read: unknown = JSON.parse(Buffer.from(head, 'base64url').toString('utf8'))
    return typeof read === 'object' && read !== null
  } catch {
    return false
  }
}

/** @param fault what is wrong with it; nothing of what it holds, since answers get into logs */
const invalidToken = (fault: string) =>
  new HttpRefusal(401, `The token ${fault}`, { 'www-authenticate': 'Bearer error="invalid_token"' })

const OTHER_ISSUER = 'is of another issuer than AUTH_ISSUER'

/** What is wrong with a token, so that whoever holds it knows which one to get instead. */
function faultOf(error: errors.JOSEError, token: string, issuer: string): string {
  if (error instanceof errors.JWTExpired) return 'has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error
    if (reason !== 'check_failed') return `has no ${claim} that can be used`
    if (claim === 'aud') return 'is for another audience than AUTH_AUDIENCE'
    if (claim === 'iss') return OTHER_ISSUER
    return claim === 'nbf' ? 'is not valid yet' : `has a ${claim} that is not taken`
  }
  if (!isJwtShaped(token)) return 'is not a JWT'
  // Another issuer has other keys, so its claim is never come to; that it is another one says more than the signature.
  if (issuerIn(token) !== issuer) return OTHER_ISSUER
  if (error instanceof errors.JOSEAlgNotAllowed) return 'is signed with an algorithm that is not taken'
  const isForeign =
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed
  return isForeign ? 'is not signed with a key of AUTH_JWKS_URL' : 'is not valid'
}

function issuerIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** jose has a class for each fault of a token; what is left is about reading the keys. */
function isOfToken(error: unknown): error is errors.JOSEError {
  if (!(error instanceof errors.JOSEError)) return false
  const ofKeys = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']
  return !ofKeys.includes(error.code)
}

/** A claim by its whole name, else by the way that dots lead. */
function claimIn(payload: object, name: string): unknown {
  if (Object.hasOwn(payload, name)) return (payload as Record<string, unknown>)[name]
  let here: unknown = payload
  for (const part of name.split('.')) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined
    here = (here as Record<string, unknown>)[part]
  }
  return here
}

/** A list, or one text with spaces between, as OAuth writes scopes. */
function rolesIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((role) => role !== '')
  return Array.isArray(claim) ? claim.filter((role) => typeof role === 'string') : []
}
