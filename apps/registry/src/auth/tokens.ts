// The way in without an auth module: a JWT of the issuer, or an API key, each with roles. Whoever may read sees all
// assistants; there is no filter.
import type { JsonObject } from '@assistant-ledger/assistant'
import { actorOf } from './actor.js'
import type { ApiKeys } from './api-keys.js'
import { type Action, type Authorized, type Authorizer, HttpRefusal, type Identity } from './authorizer.js'
import { type Holder, isJwtShaped, type Jwt } from './jwt.js'
import { checkRoles, isRole } from './roles.js'

export class TokenAuthorizer implements Authorizer {
  constructor(
    private readonly jwt: Jwt | undefined,
    private readonly keys: ApiKeys | undefined,
    private readonly environments: readonly string[],
  ) {}

  async authenticate(request: Request): Promise<Identity> {
    const { id, roles } = await this.holderOf(request.headers)
    return { actor: actorOf(id), permissions: roles.filter((role) => isRole(role, this.environments)) }
  }

  async authorize({ permissions }: Identity, action: Action, value: JsonObject): Promise<Authorized> {
    checkRoles(permissions, action, value, this.environments)
    return { value, filter: undefined }
  }

  /**
   * Beside an issuer the bearer decides where there is one: LangGraph's clients send whatever key their environment has
   * with it. One that is no JWT may be a key.
   */
  private async holderOf(headers: Headers): Promise<Holder> {
    const { jwt, keys } = this
    const token = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (jwt && token !== undefined && (!keys || isJwtShaped(token))) return jwt.holderOf(token)
    const key = (jwt ? token : undefined) ?? headers.get('x-api-key') ?? token
    if (keys && key) return keys.holderOf(key)
    const wanted = [...(jwt ? ['Authorization: Bearer <token>'] : []), ...(keys ? ['X-Api-Key'] : [])]
    throw new HttpRefusal(
      401,
      `This takes the header ${wanted.join(' or ')}`,
      jwt ? { 'www-authenticate': 'Bearer' } : {},
    )
  }
}
