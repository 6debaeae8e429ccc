// JWTs, with a real server of the issuer's keys, and API keys; and what each role may do.
import { createHash, randomBytes, scryptSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Action, Authorizer, HttpRefusal } from '../../apps/registry/src/auth/authorizer.js'
import { AUTH_LIMITS } from '../../apps/registry/src/auth/limits.js'
import { openAuthorizer } from '../../apps/registry/src/auth/open.js'
import { BadSetting, readSettings } from '../../apps/registry/src/settings.js'

jest.setTimeout(30_000)

const NATS = { NATS_USER: 'registry', NATS_PASSWORD: 'p' }
const ISSUER = 'https://issuer.example/'
const AUDIENCE = 'assistant-ledger'

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
let directory: string
let server: Server
let url: string
let pair: Pair
let stranger: Pair
/** What the issuer's server answers at the moment. */
let served: { status: number; body: string }
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-tokens-'))
  pair = await generateKeyPair('ES256', { extractable: true })
  stranger = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  served = { status: 200, body: JSON.stringify({ keys: [jwk] }) }
  server = createServer((_request, response) => {
    response.writeHead(served.status, { 'content-type': 'application/json' }).end(served.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true, force: true })
})

const open = (env: NodeJS.ProcessEnv): Promise<Authorizer> =>
  openAuthorizer(readSettings({ ...NATS, ...env }), join(directory, 'langgraph.json'))
const byJwt = (more: NodeJS.ProcessEnv = {}) =>
  open({ AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE, AUTH_JWKS_URL: url, ...more })
const asking = (headers: Record<string, string>) => new Request('http://localhost/assistants', { headers })
const bearer = (token: string) => asking({ authorization: `Bearer ${token}` })

const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: 0 }
function token(
  claims: { readonly [claim: string]: unknown } = {},
  { key = pair.privateKey, kid = 'one' } = {},
): Promise<string> {
  const all = { ...CLAIMS, exp: Math.floor(Date.now() / 1000) + 60, ...claims }
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return new SignJWT(given).setProtectedHeader({ alg: 'ES256', kid }).sign(key)
}

async function refusal(call: Promise<unknown>): Promise<HttpRefusal> {
  try {
    await call
  } catch (error) {
    return error as HttpRefusal
  }
  throw new Error('it was not refused')
}

describe('a JWT', () => {
  test.each<[string, object, NodeJS.ProcessEnv]>([
    ['a list', { roles: ['read', 'promote:staging', 'somebody-elses', 7] }, {}],
    ['a text', { scope: 'openid read promote:staging' }, { AUTH_ROLES_CLAIM: 'scope' }],
    [
      'a name with dots',
      { 'https://a.b/roles': ['read', 'promote:staging'] },
      { AUTH_ROLES_CLAIM: 'https://a.b/roles' },
    ],
    ['an object', { realm: { roles: ['read', 'promote:staging'] } }, { AUTH_ROLES_CLAIM: 'realm.roles' }],
  ])('says who asks, and the roles in %s', async (_what, claims, env) => {
    expect(await (await byJwt(env)).authenticate(bearer(await token({ ...claims })))).toEqual({
      actor: { id: 'alice', verified: true, via: 'http' },
      permissions: ['read', 'promote:staging'],
    })
  })

  test('of another, for another, expired, unsigned or without a subject is none', async () => {
    const authorizer = await byJwt()
    const now = Math.floor(Date.now() / 1000)
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const whole = { ...CLAIMS, exp: now + 60 }
    const secret = new SignJWT(whole).setProtectedHeader({ alg: 'HS256', kid: 'one' })
    const good = await token()
    for (const bad of [
      await token({ iss: 'https://other.example/' }),
      await token({ iss: undefined }),
      await token({ aud: 'another' }),
      await token({ aud: undefined }),
      await token({ exp: now - 60 }),
      await token({ exp: undefined }),
      await token({ nbf: now + 60 }),
      await token({ sub: undefined }),
      await token({ sub: '' }),
      await token({ sub: 7 }),
      await token({ sub: 'system' }),
      await token({}, { key: stranger.privateKey }),
      await token({}, { key: stranger.privateKey, kid: 'two' }),
      await secret.sign(Buffer.from(JSON.stringify(await exportJWK(pair.publicKey)))),
      `${encoded({ alg: 'none' })}.${encoded(whole)}.`,
      `${good.slice(0, -2)}${good.endsWith('AA') ? 'BB' : 'AA'}`,
      'no.jwt.atall',
      'x'.repeat(20_000),
    ])
      expect(await refusal(authorizer.authenticate(bearer(bad)))).toMatchObject({ status: 401 })
    expect(await refusal(authorizer.authenticate(asking({})))).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    })
    expect((await authorizer.authenticate(bearer(good))).actor.id).toBe('alice')
  })

  test('that is refused says what is wrong with it, and nothing of what it holds', async () => {
    const authorizer = await byJwt()
    const now = Math.floor(Date.now() / 1000)
    const other = { iss: 'https://other.example/' }
    const alien = await token(other, { key: stranger.privateKey, kid: 'two' })
    for (const [bad, detail] of [
      [await token({ exp: now - 60 }), 'The token has expired'],
      [await token({ aud: 'another' }), 'The token is for another audience than AUTH_AUDIENCE'],
      [await token(other), 'The token is of another issuer than AUTH_ISSUER'],
      [alien, 'The token is of another issuer than AUTH_ISSUER'],
      [await token({ nbf: now + 60 }), 'The token is not valid yet'],
      [await token({ sub: undefined }), 'The token has no sub that can be used'],
      [await token({}, { key: stranger.privateKey }), 'The token is not signed with a key of AUTH_JWKS_URL'],
      ['no.jwt.atall', 'The token is not a JWT'],
    ] as const)
      expect(await refusal(authorizer.authenticate(bearer(bad)))).toMatchObject({
        detail,
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      })
  })

  test("is taken by the issuer's keys as they are by now: new ones soon, withdrawn ones not for long", async () => {
    const before = served
    const clock = jest.spyOn(Date, 'now')
    try {
      const next = await generateKeyPair('ES256', { extractable: true })
      const jwk = { ...(await exportJWK(next.publicKey)), kid: 'two', alg: 'ES256', use: 'sig' }
      const [now, later] = [await token(), await token({}, { key: next.privateKey, kid: 'two' })]
      const authorizer = await byJwt()
      const asked = (by: string) =>
        authorizer.authenticate(bearer(by)).then(
          ({ actor }) => actor.id,
          (error: HttpRefusal) => error.status,
        )
      expect([await asked(now), await asked(later)]).toEqual(['alice', 401])
      served = { status: 200, body: JSON.stringify({ keys: [...JSON.parse(before.body).keys, jwk] }) }
      // An unknown key is no reason to ask the issuer again and again.
      expect(await asked(later)).toBe(401)
      const began = Date.now()
      clock.mockImplementation(() => began + AUTH_LIMITS.jwksCooldown_ms)
      expect([await asked(now), await asked(later)]).toEqual(['alice', 'alice'])
      served = { status: 200, body: JSON.stringify({ keys: [jwk] }) }
      expect(await asked(now)).toBe('alice')
      clock.mockImplementation(() => began + AUTH_LIMITS.jwksCooldown_ms + AUTH_LIMITS.jwksAge_ms)
      expect([await asked(now), await asked(later)]).toEqual([401, 'alice'])
    } finally {
      clock.mockRestore()
      served = before
    }
  })

  test("is for later while the issuer's keys cannot be read", async () => {
    const before = served
    for (const answer of [
      { status: 500, body: '' },
      { status: 200, body: 'no JSON' },
      { status: 200, body: '{}' },
    ]) {
      served = answer
      const asked = (await byJwt()).authenticate(bearer(await token()))
      expect(await refusal(asked)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    }
    served = before
    const away = await byJwt({ AUTH_JWKS_URL: 'http://127.0.0.1:1/jwks.json' })
    expect(await refusal(away.authenticate(bearer(await token())))).toMatchObject({ status: 503 })
  })
})

describe('an API key', () => {
  let files = 0
  const written = async (keys: unknown) => {
    const API_KEYS_FILE = join(directory, `keys-${++files}.json`)
    await writeFile(API_KEYS_FILE, typeof keys === 'string' ? keys : JSON.stringify(keys))
    return { API_KEYS_FILE }
  }
  const sha256 = (key: string) => createHash('sha256').update(key).digest('hex')
  const slow = (key: string, cost = 2 ** 14) => {
    const salt = randomBytes(16)
    const hash = scryptSync(key, salt, 32, { N: cost, r: 8, p: 1 })
    return `scrypt$${cost}$8$1$${salt.toString('base64url')}$${hash.toString('base64url')}`
  }
  const KEY = 'f6c1b0'
  const CHOSEN = 'anna.correct horse'
  const DOTTED = 'bob.right.horse'
  const KEYS = () => ({
    keys: [
      { name: 'ci', sha256: sha256(KEY), roles: ['read', 'write'] },
      { name: 'anna', scrypt: slow(CHOSEN), roles: ['read', 'promote:staging'] },
      { name: 'bob', scrypt: slow(DOTTED), roles: ['read'] },
    ],
  })

  test('says who asks, by either hash, also as a bearer token', async () => {
    const authorizer = await open(await written(KEYS()))
    const ci = { actor: { id: 'ci', verified: true, via: 'http' }, permissions: ['read', 'write'] }
    expect(await authorizer.authenticate(asking({ 'x-api-key': KEY }))).toEqual(ci)
    expect(await authorizer.authenticate(bearer(KEY))).toEqual(ci)
    for (let time = 0; time < 2; time++)
      expect((await authorizer.authenticate(asking({ 'x-api-key': CHOSEN }))).actor.id).toBe('anna')
  })

  test('that is not known is none', async () => {
    const authorizer = await open(await written(KEYS()))
    for (const key of ['other', 'ci', sha256(KEY), 'anna', 'anna.', 'anna.wrong', 'x'.repeat(600)])
      expect(await refusal(authorizer.authenticate(asking({ 'x-api-key': key })))).toMatchObject({
        status: 401,
      })
    for (const headers of [{}, { 'x-api-key': '' }, { authorization: 'Basic YTpi' }])
      expect(await refusal(authorizer.authenticate(asking(headers)))).toMatchObject({ status: 401 })
  })

  test('of the slow kind is computed for so many at once; more are asked to wait', async () => {
    const authorizer = await open(await written(KEYS()))
    const asked = Array.from({ length: 100 }, (_, n) =>
      authorizer.authenticate(asking({ 'x-api-key': `anna.${n}` })).catch(({ status }) => status),
    )
    const statuses = await Promise.all(asked)
    expect(statuses.filter((status) => status === 401)).toHaveLength(66)
    expect(statuses.filter((status) => status === 429)).toHaveLength(34)
    const right = () => authorizer.authenticate(asking({ 'x-api-key': CHOSEN }))
    expect((await right()).actor.id).toBe('anna')
    // One that was right is known by now.
    const again = await Promise.all(Array.from({ length: 100 }, right))
    expect(again.map(({ actor }) => actor.id)).toEqual(again.map(() => 'anna'))
  })

  test('beside a JWT: the token decides, and the key where there is none', async () => {
    const authorizer = await byJwt(await written(KEYS()))
    const both = asking({ authorization: `Bearer ${await token()}`, 'x-api-key': KEY })
    expect((await authorizer.authenticate(both)).actor.id).toBe('alice')
    const bad = asking({ authorization: 'Bearer no.jwt.atall', 'x-api-key': KEY })
    expect(await refusal(authorizer.authenticate(bad))).toMatchObject({ status: 401 })
    expect((await authorizer.authenticate(asking({ 'x-api-key': KEY }))).actor.id).toBe('ci')
    // A bearer that has not the shape of a JWT is a key, also one with two dots in it.
    expect((await authorizer.authenticate(bearer(KEY))).actor.id).toBe('ci')
    expect((await authorizer.authenticate(bearer(DOTTED))).actor.id).toBe('bob')
    expect(await refusal(authorizer.authenticate(bearer('unknown')))).toMatchObject({
      status: 401,
      detail: 'The API key is not known',
    })
    const expired = await token({ exp: Math.floor(Date.now() / 1000) - 60 })
    const late = asking({ authorization: `Bearer ${expired}`, 'x-api-key': KEY })
    expect(await refusal(authorizer.authenticate(late))).toMatchObject({ detail: 'The token has expired' })
  })

  /** As long as a salt and a hash have to be. */
  const SALT = 'A'.repeat(22)
  const good = { name: 'ci', sha256: 'a'.repeat(64), roles: ['read'] }
  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['no list', {}],
    ['an empty list', { keys: [] }],
    ['an entry that is none', { keys: [null] }],
    ['no name', { keys: [{ ...good, name: '' }] }],
    ['a name with a dot', { keys: [{ ...good, name: 'a.b' }] }],
    ["the service's own name", { keys: [{ ...good, name: 'system' }] }],
    ['no hash', { keys: [{ name: 'ci', roles: [] }] }],
    ['the key itself', { keys: [{ ...good, sha256: 'secret' }] }],
    ['both hashes', { keys: [{ ...good, scrypt: 'scrypt$16384$8$1$AAAA$AAAA' }] }],
    ['a weak scrypt', { keys: [{ name: 'ci', roles: [], scrypt: slow('x', 2 ** 10) }] }],
    ['a scrypt that is none', { keys: [{ name: 'ci', roles: [], scrypt: 'scrypt$16384' }] }],
    // Any key at all would be the one of an empty hash.
    ['a scrypt without a hash', { keys: [{ name: 'ci', roles: [], scrypt: `scrypt$16384$8$1$${SALT}$` }] }],
    ['a short hash', { keys: [{ name: 'ci', roles: [], scrypt: `scrypt$16384$8$1$${SALT}$AAAA` }] }],
    ['a short salt', { keys: [{ name: 'ci', roles: [], scrypt: `scrypt$16384$8$1$AAAA$${SALT}` }] }],
    [
      'a scrypt that takes too long',
      { keys: [{ name: 'ci', roles: [], scrypt: `scrypt$16384$8$9$${SALT}$${SALT}` }] },
    ],
    ['no roles', { keys: [{ ...good, roles: undefined }] }],
    ['an unknown role', { keys: [{ ...good, roles: ['owner'] }] }],
    ['an environment that is not declared', { keys: [{ ...good, roles: ['promote:prod'] }] }],
    ['a name twice', { keys: [good, { ...good, sha256: 'b'.repeat(64) }] }],
    ['a key twice', { keys: [good, { ...good, name: 'other' }] }],
  ])('in a file with %s stops the start with one line', async (_what, keys) => {
    const opening = open(await written(keys))
    await expect(opening).rejects.toThrow(BadSetting)
    await expect(opening).rejects.toThrow(/^API_KEYS_FILE: [^\n]*$/)
  })

  test('in a file that is not there stops the start', async () => {
    await expect(open({ API_KEYS_FILE: join(directory, 'none.json') })).rejects.toThrow(/^API_KEYS_FILE: /)
  })
})

describe('a role', () => {
  const may = async (roles: readonly string[], action: Action, value: object = {}) => {
    const authorizer = await byJwt({ ENVIRONMENTS: 'live,staging' })
    const identity = await authorizer.authenticate(bearer(await token({ roles: [...roles] })))
    const asked = authorizer.authorize(identity, action, value as never)
    return asked.then(
      ({ filter }) => (filter === undefined ? 'may' : 'filtered'),
      (error: HttpRefusal) => error.detail,
    )
  }
  const lacks = (role: string) => `This takes the role ${role}`
  const WRITER = ['write', 'promote:live']

  test.each<[readonly string[], Action, object, string]>([
    [[], 'read', {}, lacks('read')],
    [['read'], 'read', {}, 'may'],
    [['read'], 'search', {}, 'may'],
    [['write', 'promote'], 'read', {}, lacks('read')],
    [['read'], 'create', {}, lacks('write')],
    [['write'], 'create', {}, lacks('promote:live')],
    [WRITER, 'create', {}, 'may'],
    [['write', 'promote'], 'create', {}, 'may'],
    // A PATCH: what it moves is the environment that it promotes to.
    [['write'], 'update', {}, lacks('promote:live')],
    [['write'], 'update', { promote: false }, 'may'],
    [['promote'], 'update', { promote: false }, lacks('write')],
    [WRITER, 'update', {}, 'may'],
    [WRITER, 'update', { promote_to: 'staging' }, lacks('promote:staging')],
    [['write', 'promote:staging'], 'update', { promote_to: 'staging' }, 'may'],
    // A promotion or a rollback writes nothing.
    [['promote:live'], 'update', { version: 1 }, 'may'],
    [['promote:staging'], 'update', { version: 1 }, lacks('promote:live')],
    [['promote:staging'], 'update', { version: 1, environment: 'staging' }, 'may'],
    [['promote:staging'], 'update', { environment: 'staging' }, 'may'],
    [['promote:live'], 'update', { environment: 'staging' }, lacks('promote:staging')],
    [['write', 'promote:live'], 'delete', {}, lacks('promote:staging')],
    [['write', 'promote:live', 'promote:staging'], 'delete', {}, 'may'],
    [['promote'], 'delete', {}, lacks('write')],
    [['read', 'promote:prod', 'admin'], 'update', { environment: 'prod' }, lacks('promote:prod')],
  ])('%j, %s %j: %s', async (roles, action, value, answer) => {
    expect(await may(roles, action, value)).toBe(answer)
  })
})
