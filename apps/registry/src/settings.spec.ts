import { describe, expect, test } from '@jest/globals'
import { BadSetting, readSettings } from './settings.js'

describe('settings', () => {
  test('given nothing, then the defaults, frozen', () => {
    const settings = readSettings({})
    expect(settings).toMatchObject({
      host: '127.0.0.1',
      port: 8123,
      nats: { servers: ['nats://127.0.0.1:4222'] },
      project: 'default',
      environments: ['live', 'staging'],
      langgraphJsonAsked: false,
      acceptLogBehind: false,
      systemAssistants: true,
      grown: undefined,
      auth: {
        way: undefined,
        jwt: undefined,
        apiKeysFile: undefined,
        studio: 'keys',
        seeSystemAssistants: false,
      },
    })
    expect(Object.isFrozen(settings)).toBe(true)
    expect(Object.isFrozen(settings.environments)).toBe(true)
  })

  test('given environments without live, then live is among them', () => {
    expect(readSettings({ ENVIRONMENTS: 'staging, canary' }).environments).toEqual([
      'live',
      'staging',
      'canary',
    ])
    expect(readSettings({ ENVIRONMENTS: 'staging,live' }).environments).toEqual(['staging', 'live'])
  })

  test('given protected environments, then they are among the declared ones', () => {
    expect(readSettings({}).validation).toEqual({ mode: 'warn', protectedEnvironments: new Set() })
    const { validation } = readSettings({
      CONTEXT_VALIDATION: 'enforce',
      ENVIRONMENTS: 'staging,canary',
      PROTECTED_ENVIRONMENTS: 'live, canary',
    })
    expect(validation).toEqual({ mode: 'enforce', protectedEnvironments: new Set(['live', 'canary']) })
  })

  test('given both servers, then log and read models are there', () => {
    const eventStoreUrl = 'esdb://user:password@one,two,three'
    const databaseUrl = 'postgresql://localhost/ledger'
    const settings = readSettings({ EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: databaseUrl })
    expect(settings.grown).toEqual({ eventStoreUrl, databaseUrl })
  })

  test.each([
    ['EVENTSTORE_URL', { EVENTSTORE_URL: 'http://u:secret@host', DATABASE_URL: 'postgres://host' }],
    ['DATABASE_URL', { EVENTSTORE_URL: 'esdb://host', DATABASE_URL: 'mysql://u:secret@host' }],
    ['DATABASE_URL', { EVENTSTORE_URL: 'esdb://host', DATABASE_URL: 'postgres://u:secret@host:99999' }],
  ])('given a %s of another kind, then its password is not repeated', (name, env) => {
    expect(() => readSettings(env)).toThrow(new RegExp(`^${name} (?!.*secret)`))
  })

  test('given a port of NATS, then the URL on loopback', () => {
    expect(readSettings({ NATS_PORT: '5222' }).nats.servers).toEqual(['nats://127.0.0.1:5222'])
  })

  const issuer = { AUTH_ISSUER: 'https://issuer', AUTH_AUDIENCE: 'ledger' }
  test('given an issuer, then whose tokens are taken and where the roles stand', () => {
    const { auth } = readSettings({ ...issuer, AUTH_JWKS_URL: 'https://issuer/jwks', API_KEYS_FILE: '/keys' })
    expect(auth).toMatchObject({
      jwt: {
        issuer: 'https://issuer',
        audience: 'ledger',
        jwksUrl: 'https://issuer/jwks',
        rolesClaim: 'roles',
      },
      apiKeysFile: '/keys',
    })
    for (const loopback of ['http://127.0.0.1:1/', 'http://localhost/jwks', 'http://[::1]:8/'])
      expect(readSettings({ ...issuer, AUTH_JWKS_URL: loopback }).auth.jwt?.jwksUrl).toBe(loopback)
  })

  test.each([
    [{ AUTH: 'tokens' }],
    [{ AUTH: 'none', API_KEYS_FILE: 'keys.json' }],
    [{ AUTH: 'none', ...issuer, AUTH_JWKS_URL: 'https://issuer/jwks' }],
    [{ AUTH: 'module', ...issuer, AUTH_JWKS_URL: 'https://issuer/jwks' }],
    [{ ...issuer }],
    [{ AUTH_AUDIENCE: 'ledger' }],
    [{ ...issuer, AUTH_JWKS_URL: 'http://issuer/jwks' }],
    [{ ...issuer, AUTH_JWKS_URL: 'http://127.0.0.1.example/jwks' }],
    [{ ...issuer, AUTH_JWKS_URL: 'file:///jwks' }],
    [{ ...issuer, AUTH_JWKS_URL: 'jwks' }],
  ])('given %j, which contradict each other or cannot be used, then one line', (env) => {
    expect(() => readSettings(env)).toThrow(BadSetting)
    expect(() => readSettings(env)).toThrow(/^AUTH[^\n]*$/)
  })

  test.each([
    ['AUTH', 'off'],
    ['STUDIO_AUTH', 'yes'],
    ['SEE_SYSTEM_ASSISTANTS', 'true'],
    ['PROJECT', 'A'],
    ['PROJECT', 'a'.repeat(33)],
    ['PORT', '0'],
    ['PORT', '65536'],
    ['NATS_PORT', '4222x'],
    ['NATS_URL', 'localhost'],
    ['NATS_USER', 'registry'],
    ['NATS_REPLICAS', '2'],
    ['ENVIRONMENTS', 'a,,b'],
    ['ENVIRONMENTS', 'a b'],
    ['ENVIRONMENTS', Array.from({ length: 16 }, (_, i) => `e${i}`).join(',')],
    ['ACCEPT_LOG_BEHIND', 'true'],
    ['CONTEXT_VALIDATION', 'yes'],
    ['PROTECTED_ENVIRONMENTS', 'live,canary'],
    ['EVENTSTORE_URL', 'esdb://localhost'],
    ['DATABASE_URL', 'postgres://localhost'],
  ])('given %s=%s, then one line that names it', (name, value) => {
    const read = () => readSettings({ [name]: value })
    expect(read).toThrow(BadSetting)
    expect(read).toThrow(new RegExp(`^${name}[^\\n]*$`))
  })
})
