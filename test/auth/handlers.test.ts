// What an auth module returns and throws, and what that becomes; which handler is asked; and which modules stop a start.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Action, Authorizer, HttpRefusal } from '../../apps/registry/src/auth/authorizer.js'
import { AUTH_LIMITS } from '../../apps/registry/src/auth/limits.js'
import { openAuthorizer } from '../../apps/registry/src/auth/open.js'
import { BadSetting, readSettings } from '../../apps/registry/src/settings.js'
import { importNatively } from './native-import.js'

jest.setTimeout(30_000)

const NATS = { NATS_USER: 'registry', NATS_PASSWORD: 'p' }
const SDK = "import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth'\n"
const ACTIONS: readonly Action[] = ['create', 'read', 'update', 'delete', 'search']

// Inside of the repository, where the SDK is found.
let directory: string
let files = 0
beforeAll(async () => {
  directory = await mkdtemp(join(process.cwd(), 'test/auth/modules/made-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function manifestOf(auth: object | undefined): Promise<string> {
  const file = join(directory, `langgraph-${++files}.json`)
  await writeFile(file, JSON.stringify({ graphs: {}, ...(auth ? { auth } : {}) }))
  return file
}

interface Named {
  readonly extension?: string
  readonly name?: string
  readonly env?: NodeJS.ProcessEnv
  readonly auth?: object
}

/** Opens a module with this text. */
async function opened(text: string, { extension = 'mjs', name = ':auth', env = {}, auth = {} }: Named = {}) {
  const source = `module-${++files}.${extension}`
  await writeFile(join(directory, source), text)
  const manifest = await manifestOf({ path: `./${source}${name}`, ...auth })
  return openAuthorizer(
    readSettings({ ...NATS, ...env, LANGGRAPH_JSON: manifest }),
    undefined,
    importNatively,
  )
}

const asking = (headers: Record<string, string> = {}) =>
  new Request('http://localhost/assistants/search?x=1', { method: 'POST', headers, body: '{"a":1}' })

async function refusal(call: Promise<unknown>): Promise<HttpRefusal> {
  try {
    await call
  } catch (error) {
    return error as HttpRefusal
  }
  throw new Error('it was not refused')
}

describe('who asks', () => {
  const returning = (what: string) => opened(`${SDK}export const auth = new Auth().authenticate(${what})`)

  test('is found out from a Request of the web', async () => {
    const authorizer = await returning(
      'async (r) => [r instanceof Request, r.method, r.url, r.headers.get("x-a"), await r.text()].join(" ")',
    )
    const { actor } = await authorizer.authenticate(asking({ 'x-a': 'b' }))
    expect(actor).toEqual({
      id: 'true POST http://localhost/assistants/search?x=1 b {"a":1}',
      verified: true,
      via: 'http',
    })
  })

  test.each([
    ['() => "alice"', { identity: 'alice', display_name: 'alice', permissions: [], is_authenticated: true }],
    [
      '() => ({ identity: "alice", permissions: ["p", 1], org: "x" })',
      { identity: 'alice', display_name: 'alice', permissions: ['p'], is_authenticated: true, org: 'x' },
    ],
    ['async () => ({ identity: "alice", display_name: "A" })', { identity: 'alice', display_name: 'A' }],
  ])('%s', async (what, user) => {
    const identity = await (await returning(what)).authenticate(asking())
    expect(identity.user).toMatchObject(user)
    expect(identity.actor.id).toBe('alice')
  })

  test.each([
    ['() => undefined'],
    ['() => null'],
    ['() => 7'],
    ['() => ({})'],
    ['() => ({ identity: 7 })'],
    ['() => ""'],
    ['() => "system"'],
    ['() => "guard"'],
    ['() => "a".repeat(256)'],
    ['() => "\\ud800"'],
    ['() => ({ identity: "alice", is_authenticated: false })'],
    ['() => { throw new Error("bad token") }'],
    ['async () => { throw "bad token" }'],
    ['() => { throw { status: 200, headers: {} } }'],
  ])('%s is nobody', async (what) => {
    expect(await refusal((await returning(what)).authenticate(asking()))).toMatchObject({ status: 401 })
  })

  test('an HTTPException is the answer: status, message and headers, but for those of the body', async () => {
    const headers =
      '{ "X-Why": "pot", "Content-Type": "a/b", "Content-Length": "7", "Content-Encoding": "br", Connection: "close" }'
    const authorizer = await returning(
      `() => { throw new HTTPException(418, { message: "No coffee", headers: ${headers} }) }`,
    )
    const refused = await refusal(authorizer.authenticate(asking()))
    expect(refused).toMatchObject({ status: 418, detail: 'No coffee' })
    expect(refused.headers).toEqual({ 'x-why': 'pot' })
  })
})

describe('a module that does not answer', () => {
  const over = async (ms: number, waiting: Promise<unknown>) => {
    let ended: unknown
    const ends = waiting.catch((error) => {
      ended = error
    })
    await jest.advanceTimersByTimeAsync(ms - 1)
    expect(ended).toBeUndefined()
    await jest.advanceTimersByTimeAsync(1)
    await ends
    return ended
  }
  afterEach(() => {
    jest.useRealTimers()
  })

  test('is given up: who asks is told to come again', async () => {
    const authorizer = await opened(
      `${SDK}export const auth = new Auth()
        .authenticate((r) => (r.headers.has('x-slow') ? new Promise(() => {}) : 'alice'))
        .on('*', () => new Promise(() => {}))`,
    )
    const identity = await authorizer.authenticate(asking())
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] })
    for (const waiting of [
      () => authorizer.authenticate(asking({ 'x-slow': '1' })),
      () => authorizer.authorize(identity, 'read', {}),
    ])
      expect(await over(AUTH_LIMITS.handler_ms, waiting())).toMatchObject({
        status: 503,
        detail: 'Who asks and what they may could not be found out in time',
      })
  })

  test('at the start stops it with one line', async () => {
    const settings = readSettings({ ...NATS, LANGGRAPH_JSON: await manifestOf({ path: './slow.mjs:auth' }) })
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] })
    const opening = openAuthorizer(settings, undefined, () => new Promise(() => {}))
    const error = (await over(AUTH_LIMITS.load_ms, opening)) as Error
    expect(error).toBeInstanceOf(BadSetting)
    expect(error.message).toMatch(/^[^\n]*does not load: it takes longer than 30000 ms$/)
  })
})

describe('auth.cache', () => {
  const counting = (cache: object | undefined, env: NodeJS.ProcessEnv = {}) =>
    opened(
      `${SDK}let asked = 0
      export const auth = new Auth().authenticate(async (r) => {
        const token = r.headers.get('authorization')
        if (token === 'bad') throw new HTTPException(401, { message: String(++asked) })
        return { identity: String(token) + ++asked }
      })`,
      { auth: cache ? { cache } : {}, env },
    )
  const idOf = async (authorizer: Authorizer, headers: Record<string, string>) =>
    (await authorizer.authenticate(asking(headers))).actor.id

  test('asks authenticate() once for the same headers, and each time without it', async () => {
    const authorizer = await counting({ cache_keys: ['Authorization'], ttl_seconds: 60, max_size: 10 })
    const ids = []
    for (const authorization of ['a', 'a', 'b', 'a']) ids.push(await idOf(authorizer, { authorization }))
    expect(ids).toEqual(['a1', 'a1', 'b2', 'a1'])
    const without = await counting(undefined)
    expect([
      await idOf(without, { authorization: 'a' }),
      await idOf(without, { authorization: 'a' }),
    ]).toEqual(['a1', 'a2'])
  })

  test('keeps no refusal, and nothing for requests that have none of the headers', async () => {
    const authorizer = await counting({ cache_keys: ['authorization'] })
    const bad = () => refusal(authorizer.authenticate(asking({ authorization: 'bad' })))
    expect([(await bad()).detail, (await bad()).detail]).toEqual(['1', '2'])
    expect([await idOf(authorizer, {}), await idOf(authorizer, {})]).toEqual(['null3', 'null4'])
  })

  test('is never asked for LangGraph Studio', async () => {
    const authorizer = await counting({ cache_keys: ['authorization'] }, { STUDIO_AUTH: 'open' })
    const headers = { authorization: 'a' }
    expect(await idOf(authorizer, headers)).toBe('a1')
    expect(await idOf(authorizer, { ...headers, 'x-auth-scheme': 'langsmith' })).toBe('langgraph-studio-user')
    expect(await idOf(authorizer, headers)).toBe('a1')
  })

  test.each([
    [{}],
    [{ cache_keys: [] }],
    [{ cache_keys: 'authorization' }],
    [{ cache_keys: ['a b'] }],
    [{ cache_keys: ['a'], ttl_seconds: 0 }],
    [{ cache_keys: ['a'], max_size: 1.5 }],
    [7],
  ])('that cannot be used stops the start: %j', async (cache) => {
    await expect(counting(cache as object)).rejects.toThrow(/^LANGGRAPH_JSON: [^\n]*"auth\.cache[^\n]*$/)
  })
})

describe('a handler', () => {
  const handling = async (handlers: string) => {
    const authorizer = await opened(
      `${SDK}export const auth = new Auth().authenticate(() => ({ identity: "alice", permissions: ["p"] }))${handlers}`,
    )
    const identity = await authorizer.authenticate(asking())
    return (action: Action, value: object = {}) => authorizer.authorize(identity, action, value as never)
  }

  test('is one for each call, the most specific', async () => {
    const events = ['*', '*:create', 'assistants', 'assistants:create', 'threads', 'threads:create', '*:read']
    for (let known = events.length; known >= 0; known--) {
      const some = events.slice(0, known)
      const may = await handling(some.map((event) => `.on("${event}", () => ({ by: "${event}" }))`).join(''))
      const by = async (action: Action) => (await may(action)).filter?.by
      const wanted = (...order: string[]) => order.find((event) => some.includes(event))
      expect(await by('create')).toBe(wanted('assistants:create', 'assistants', '*:create', '*'))
      expect(await by('read')).toBe(wanted('assistants:read', 'assistants', '*:read', '*'))
      expect(await by('delete')).toBe(wanted('assistants', '*'))
    }
  })

  test('is told who asks for what', async () => {
    const may = await handling(
      '.on("*", ({ event, resource, action, value, user, permissions }) => ({ event, resource, action, value: JSON.stringify(value), user: user.identity, permissions }))',
    )
    for (const action of ACTIONS)
      expect((await may(action, { assistant_id: 'x' })).filter).toEqual({
        event: `assistants:${action}`,
        resource: 'assistants',
        action,
        value: '{"assistant_id":"x"}',
        user: 'alice',
        permissions: ['p'],
      })
  })

  test.each([['() => {}'], ['() => null'], ['async () => true']])(
    '%s lets everything through',
    async (handler) => {
      expect(await (await handling(`.on("*", ${handler})`))('read', { a: 1 })).toEqual({
        value: { a: 1 },
        filter: undefined,
      })
    },
  )

  test.each([
    ['() => false', 403, 'Forbidden'],
    ['() => "yes"', 500],
    ['() => 1', 500],
    ['() => []', 500],
    ['() => ({ owner: undefined })', 500],
    ['() => ({ owner: { $ne: "a" } })', 500],
    ['() => { throw new Error("defect") }', 500],
    ['() => { throw new HTTPException(402, { message: "Pay" }) }', 402, 'Pay'],
    ['() => { throw new HTTPException(404) }', 404, 'Not Found'],
    ['() => { throw Object.assign(new Error("mine alone"), { code: "ERR_ASSERTION" }) }', 403, 'mine alone'],
    ['({ value }) => { value.metadata = { a: 1n } }', 500],
    ['({ value }) => { value.self = value }', 500],
  ])('%s is refused with %i', async (handler, status, detail = 'The handler of the auth module failed') => {
    const may = await handling(`.on("*", ${handler})`)
    expect(await refusal(may('read'))).toMatchObject({ status, detail })
  })

  test('stamps a copy, which is JSON afterwards', async () => {
    const may = await handling(
      '.on("*", ({ value }) => { value.metadata ??= {}; value.metadata.owner = "alice"; value.metadata.no = undefined })',
    )
    const given = { metadata: JSON.parse('{"__proto__":{"a":1},"b":-1}') }
    const { value } = await may('create', given)
    expect(JSON.stringify(value)).toBe('{"metadata":{"__proto__":{"a":1},"b":-1,"owner":"alice"}}')
    expect(Object.keys(given.metadata)).toEqual(['__proto__', 'b'])
    expect((await may('update')).value).toEqual({ metadata: { owner: 'alice' } })
  })
})

describe('LangGraph Studio', () => {
  const STUDIO = { 'x-auth-scheme': 'langsmith' }
  const text = `${SDK}import { isStudioUser } from '@langchain/langgraph-sdk/auth'
export const auth = new Auth().authenticate(() => "module").on("*", ({ user }) => ({ studio: isStudioUser(user) }))`
  const keysFile = async () => {
    const file = join(directory, `keys-${++files}.json`)
    const sha256 = createHash('sha256').update('studio key').digest('hex')
    await writeFile(file, JSON.stringify({ keys: [{ name: 'studio', sha256, roles: [] }] }))
    return file
  }
  const who = async (authorizer: Authorizer, headers: Record<string, string>) =>
    (await authorizer.authenticate(asking(headers))).actor.id

  test('is let in as its user with a key', async () => {
    const authorizer = await opened(text, { env: { AUTH: 'module', API_KEYS_FILE: await keysFile() } })
    expect(await who(authorizer, { 'x-api-key': 'studio key' })).toBe('module')
    expect(await who(authorizer, { 'x-auth-scheme': 'other' })).toBe('module')
    expect(await who(authorizer, { ...STUDIO, 'x-api-key': 'studio key' })).toBe('langgraph-studio-user')
    const unknown = authorizer.authenticate(asking({ ...STUDIO, 'x-api-key': 'other' }))
    expect(await refusal(unknown)).toMatchObject({ status: 401 })
    expect(await refusal(authorizer.authenticate(asking(STUDIO)))).toMatchObject({ status: 401 })
  })

  test('is let in by its word alone where that is asked for, and handlers run for it', async () => {
    const authorizer = await opened(text, { env: { STUDIO_AUTH: 'open' } })
    const identity = await authorizer.authenticate(asking(STUDIO))
    expect(identity.actor.id).toBe('langgraph-studio-user')
    expect((await authorizer.authorize(identity, 'read', {})).filter).toEqual({ studio: true })
    const abroad = opened(text, { env: { STUDIO_AUTH: 'open', HOST: '0.0.0.0' } })
    await expect(abroad).rejects.toThrow(/^STUDIO_AUTH [^\n]*$/)
  })

  test('is nobody in particular without keys, and with disable_studio_auth', async () => {
    expect(await refusal((await opened(text)).authenticate(asking(STUDIO)))).toMatchObject({ status: 401 })
    const disabled = await opened(text, {
      auth: { disable_studio_auth: true },
      env: { STUDIO_AUTH: 'open' },
    })
    expect(await who(disabled, STUDIO)).toBe('module')
  })
})

describe('a module', () => {
  const auth = 'new Auth().authenticate(() => "alice")'
  test.each<[string, string, Named]>([
    ['in TypeScript', `${SDK}const n: number = 1; export const auth = ${auth}`, { extension: 'mts' }],
    ['in TypeScript by .ts', `${SDK}enum A { B }; export const auth = ${auth}`, { extension: 'ts' }],
    [
      'in CommonJS',
      SDK.replace(/import (.*) from (.*)/, 'const $1 = require($2)').concat(`exports.auth = ${auth}`),
      { extension: 'cjs' },
    ],
    ['by its default export', `${SDK}export default ${auth}`, { name: '' }],
    [
      'with an Auth of its own',
      'export const auth = { "~handlerCache": { authenticate: () => "alice" } }',
      {},
    ],
  ])('%s is loaded', async (_what, text, named) => {
    expect((await (await opened(text, named)).authenticate(asking())).actor.id).toBe('alice')
  })

  test.each<[string, string, Named, RegExp]>([
    ['throws', 'throw new Error("no database\\nsecond line")', {}, /does not load: no database$/],
    ['does not parse', 'export const auth = ', {}, /does not load: /],
    ['does not parse as TypeScript', 'export const auth: = 1', { extension: 'mts' }, /does not load: /],
    ['imports what is not there', 'import "no-such-package"', {}, /does not load: .*no-such-package/],
    ['exports something else', 'export const other = 1', {}, /does not export auth$/],
    ['exports no Auth', 'export const auth = () => "alice"', {}, /exports auth, which is no Auth of /],
    [
      'asks nobody',
      `${SDK}export const auth = new Auth().on("*", () => false)`,
      {},
      /has no authenticate\(\)/,
    ],
    [
      'is Python',
      'auth = Auth()',
      { extension: 'py' },
      /is Python, .* set AUTH=tokens with AUTH_ISSUER or API_KEYS_FILE$/,
    ],
    ['is something else', '', { extension: 'wasm' }, /is neither TypeScript nor JavaScript$/],
  ])('that %s stops the start with one line', async (_what, text, named, line) => {
    const failing = opened(text, named)
    await expect(failing).rejects.toThrow(BadSetting)
    await expect(failing).rejects.toThrow(line)
    await expect(failing).rejects.toThrow(/^[^\n]+$/)
  })

  test('that is not there stops the start', async () => {
    const settings = readSettings({ ...NATS, LANGGRAPH_JSON: await manifestOf({ path: './gone.mjs:auth' }) })
    await expect(openAuthorizer(settings, undefined, importNatively)).rejects.toThrow(
      /^[^\n]*does not load[^\n]*gone\.mjs[^\n]*$/,
    )
  })
})

describe('the way in', () => {
  const keys = async () => {
    const file = join(directory, `keys-${++files}.json`)
    await writeFile(file, JSON.stringify({ keys: [{ name: 'ci', sha256: 'a'.repeat(64), roles: ['read'] }] }))
    return file
  }
  const way = async (auth: object | undefined, env: NodeJS.ProcessEnv) => {
    const settings = readSettings({ ...env, LANGGRAPH_JSON: await manifestOf(auth) })
    const authorizer = await openAuthorizer(settings, undefined, importNatively)
    return authorizer.authenticate(asking()).then(
      ({ actor }) => actor.id,
      (error: HttpRefusal) => error.status,
    )
  }
  const PYTHON = { path: './auth.py:auth' }
  const MODULE = { path: './way.mjs:auth' }
  beforeAll(() =>
    writeFile(
      join(directory, 'way.mjs'),
      `${SDK}export const auth = new Auth().authenticate(() => "module")`,
    ),
  )

  test.each([
    ['nothing, on loopback', undefined, {}, 'anonymous'],
    ['nothing, on ::1', undefined, { HOST: '::1' }, 'anonymous'],
    ['AUTH=none, anywhere', undefined, { HOST: '0.0.0.0', AUTH: 'none' }, 'anonymous'],
    ['AUTH=none beside a module', MODULE, { AUTH: 'none' }, 'anonymous'],
    ['a module', MODULE, NATS, 'module'],
    ['a module, anywhere', MODULE, { ...NATS, HOST: '0.0.0.0' }, 'module'],
    ['AUTH=module', MODULE, { ...NATS, AUTH: 'module' }, 'module'],
  ])('given %s', async (_what, auth, env, answer) => {
    expect(await way(auth, env)).toBe(answer)
  })

  test('given keys, also beside Python, and beside a module by AUTH=tokens', async () => {
    const env = { ...NATS, API_KEYS_FILE: await keys(), HOST: '0.0.0.0' }
    expect(await way(undefined, env)).toBe(401)
    expect(await way(PYTHON, env)).toBe(401)
    expect(await way(MODULE, { ...env, AUTH: 'tokens' })).toBe(401)
    expect(await way(MODULE, { ...env, AUTH: 'module' })).toBe('module')
  })

  test('what is open, in doubt or half closed stops the start with one line', async () => {
    const API_KEYS_FILE = await keys()
    for (const [auth, env, line] of [
      [undefined, { HOST: '0.0.0.0' }, /^HOST [^\n]*AUTH=none$/],
      [undefined, { HOST: 'ledger.example' }, /^HOST /],
      [undefined, { ...NATS, AUTH: 'module' }, /^AUTH is module, [^\n]*$/],
      [PYTHON, NATS, /^[^\n]*is Python[^\n]*$/],
      [PYTHON, { ...NATS, AUTH: 'module' }, /is Python/],
      [MODULE, { ...NATS, API_KEYS_FILE }, /^[^\n]*AUTH=tokens[^\n]*AUTH=module[^\n]*$/],
      [MODULE, {}, /^over HTTP [^\n]*NATS_USER[^\n]*$/],
      [undefined, { API_KEYS_FILE }, /^over HTTP /],
      [{ path: 7 }, NATS, /^LANGGRAPH_JSON: [^\n]*"auth.path" is no text$/],
      [['./way.mjs'], NATS, /"auth" is no object$/],
    ] as const) {
      await expect(way(auth, env)).rejects.toThrow(BadSetting)
      await expect(way(auth, env)).rejects.toThrow(line)
    }
  })
})
