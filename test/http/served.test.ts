// How the API is served as langgraph.json says: to which web pages, under which path, and with what in its OpenAPI document.
// The server is a registry's own, in this process, before any of what it answers for is there.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals'
import { OPEN } from '../../apps/registry/src/auth/authorizer.js'
import { Api } from '../../apps/registry/src/http/api.js'
import { startHttp } from '../../apps/registry/src/http/application.js'
import { readServed } from '../../apps/registry/src/http/served.js'
import { BadSetting, readSettings } from '../../apps/registry/src/settings.js'
import { freePort } from '../observability/scrape.js'
import { send as sendTo } from './service.js'

const APP = 'https://app.example.com'
const OTHER = 'https://other.example.com'

const directory = mkdtempSync(join(tmpdir(), 'assistant-ledger-served-'))
const file = join(directory, 'langgraph.json')
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** What a manifest with these sections says, and what the start says of it. */
function read(sections: object, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(file, JSON.stringify({ graphs: {}, ...sections }))
  const said: string[] = []
  const stderr = jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0)
  try {
    return { served: readServed(readSettings({ LANGGRAPH_JSON: file, ...env })), said }
  } finally {
    stderr.mockRestore()
  }
}

async function serve(sections: object, env: NodeJS.ProcessEnv = {}) {
  const port = await freePort()
  const http = await startHttp(
    { host: '127.0.0.1', port, portAsked: true },
    new Api(OPEN),
    read(sections, env).served,
  )
  ends.push(() => http.close())
  return (method: string, path: string, headers: Record<string, string> = {}) =>
    sendTo(`http://127.0.0.1:${port}${path}`, method, undefined, headers)
}

/** What a browser is told before a PATCH with a header of its own, and with the answer to a search. */
async function asked(send: Awaited<ReturnType<typeof serve>>, origin: string) {
  const preflight = await send('OPTIONS', '/assistants/search', {
    origin,
    'access-control-request-method': 'PATCH',
    'access-control-request-headers': 'x-api-key',
  })
  const answer = await send('POST', '/assistants/search', { origin })
  const of = (headers: Headers, name: string) => headers.get(`access-control-${name}`)
  return {
    origin: of(answer.headers, 'allow-origin'),
    preflight: of(preflight.headers, 'allow-origin'),
    methods: of(preflight.headers, 'allow-methods'),
    headers: of(preflight.headers, 'allow-headers'),
    credentials: of(answer.headers, 'allow-credentials'),
    exposed: of(answer.headers, 'expose-headers')?.toLowerCase().split(', ') ?? [],
    max_age: of(preflight.headers, 'max-age'),
  }
}

const cors = (fields: object) => ({ http: { cors: fields } })

describe('http.cors', () => {
  test('lets the origins that it names, with what else it says', async () => {
    const send = await serve(
      cors({
        allow_origins: [APP],
        allow_methods: ['GET', 'PATCH'],
        allow_headers: ['X-Api-Key'],
        allow_credentials: true,
        expose_headers: ['X-Mine', 'x-pagination-total'],
        max_age: 7,
      }),
    )
    const page = await asked(send, APP)
    expect(page).toMatchObject({
      origin: APP,
      preflight: APP,
      methods: 'GET, PATCH',
      headers: 'X-Api-Key',
      credentials: 'true',
      max_age: '7',
    })
    // Clients in a browser cannot page without these.
    expect(page.exposed).toEqual(
      expect.arrayContaining(['x-pagination-total', 'x-pagination-next', 'x-mine']),
    )
    expect(page.exposed.filter((name) => name === 'x-pagination-total')).toHaveLength(1)
    expect(await asked(send, OTHER)).toMatchObject({ origin: null, preflight: null })
  })

  test('a pattern has to match the whole origin, and goes beside the list', async () => {
    const send = await serve(
      cors({ allow_origins: [APP], allow_origin_regex: 'https://[a-z]+\\.preview\\.example' }),
    )
    for (const origin of [APP, 'https://one.preview.example'])
      expect((await asked(send, origin)).origin).toBe(origin)
    for (const origin of [
      OTHER,
      'https://one.preview.example.evil.example',
      'https://evil?https://one.preview.example',
    ])
      expect((await asked(send, origin)).origin).toBeNull()
  })

  test('what it says nothing of is closed as to origins, and open as to methods and headers', async () => {
    expect((await asked(await serve(cors({})), APP)).origin).toBeNull()
    const send = await serve(cors({ allow_origins: ['*'], allow_methods: ['*'], allow_headers: ['*'] }))
    expect(await asked(send, APP)).toMatchObject({
      origin: '*',
      methods: 'GET, POST, PATCH, DELETE, OPTIONS',
      headers: 'x-api-key',
      credentials: null,
      max_age: '600',
    })
  })

  test('every origin with its credentials is named back, and said to be so', async () => {
    const sections = cors({ allow_origins: ['*'], allow_credentials: true })
    expect(await asked(await serve(sections), APP)).toMatchObject({ origin: APP, credentials: 'true' })
    expect(read(sections).said).toEqual([expect.stringContaining('every web page')])
  })
})

describe('http.mount_prefix', () => {
  test.each([
    ['langgraph.json', { http: { mount_prefix: '/ledger/api/' } }, {}],
    ['MOUNT_PREFIX', { http: { mount_prefix: '/other' } }, { MOUNT_PREFIX: '/ledger/api' }],
  ])('of %s: everything is there under it, and without it too', async (_from, sections, env) => {
    const send = await serve(sections, env)
    // Not yet open, but there.
    for (const path of [
      '/ledger/api/assistants/search',
      '/assistants/search',
      '/ledger/api/assistants/search?x=1',
    ])
      expect((await send('POST', path)).status).toBe(503)
    expect((await send('GET', '/ledger/api/info')).status).toBe(200)
    for (const path of ['/ledger/api', '/ledger/apiinfo', '/other/info', '/ledger/api/ledger/api/info'])
      expect((await send('GET', path)).status).toBe(404)
    expect((await send('GET', '/ledger/api/openapi.json')).body.servers).toEqual([{ url: '/ledger/api' }])
  })
})

describe('auth.openapi', () => {
  test('is what the document says of who may ask', async () => {
    const bearer = { type: 'http', scheme: 'bearer' }
    const openapi = {
      securitySchemes: { Bearer: bearer },
      security: [{ Bearer: [] }],
      paths: {
        '/assistants/count': { POST: [{ Bearer: ['count'] }] },
        '/custom': { GET: [] },
        constructor: { GET: [] },
      },
    }
    const send = await serve({ auth: { openapi } })
    const { body } = await send('GET', '/openapi.json')
    expect(body).toMatchObject({
      components: { securitySchemes: { Bearer: bearer }, schemas: { Assistant: expect.anything() } },
      security: [{ Bearer: [] }],
      paths: { '/assistants/count': { post: { security: [{ Bearer: ['count'] }] } } },
    })
    expect(body.paths['/assistants/search'].post).not.toHaveProperty('security')
    expect(body.paths).not.toHaveProperty('/custom')
  })
})

describe('what langgraph.json says', () => {
  test('gives way to LANGGRAPH_HTTP and LANGGRAPH_AUTH, as wholes', () => {
    const env = {
      LANGGRAPH_HTTP: '{"cors":{"allow_origins":["https://env.example"]}}',
      LANGGRAPH_AUTH: '{}',
    }
    const sections = { http: { mount_prefix: '/file', cors: {} }, auth: { openapi: { security: [] } } }
    expect(read(sections, env).served).toMatchObject({
      cors: { origins: ['https://env.example'] },
      prefix: '',
      security: undefined,
    })
  })

  test('what changes nothing here is said in one line, unless it is about what is not here', () => {
    const http = {
      app: './app.py:app',
      disable_assistants: true,
      disable_meta: false,
      disable_threads: true,
      configurable_headers: { includes: ['x-*'] },
      middleware_order: null,
    }
    expect(read({ http }).said).toEqual([
      expect.stringMatching(/"http\.app", "http\.disable_assistants" changes nothing here\n$/),
    ])
    expect(read({}).said).toEqual([])
  })

  test.each([
    ['http', 'http', []],
    ['http.cors', 'http', { cors: true }],
    ['http.cors.allow_origins', 'http', { cors: { allow_origins: '*' } }],
    ['http.cors.allow_origins', 'http', { cors: { allow_origins: ['https://app.example.com/'] } }],
    ['http.cors.allow_origins', 'http', { cors: { allow_origins: ['app.example.com'] } }],
    ['http.cors.allow_methods', 'http', { cors: { allow_methods: ['GET POST'] } }],
    ['http.cors.allow_headers', 'http', { cors: { allow_headers: ['x\ny'] } }],
    ['http.cors.allow_headers', 'http', { cors: { allow_headers: [7] } }],
    ['http.cors.allow_credentials', 'http', { cors: { allow_credentials: 'yes' } }],
    ['http.cors.allow_origin_regex', 'http', { cors: { allow_origin_regex: '(' } }],
    ['http.cors.expose_headers', 'http', { cors: { expose_headers: {} } }],
    ['http.cors.max_age', 'http', { cors: { max_age: -1 } }],
    ['http.cors.max_age', 'http', { cors: { max_age: '600' } }],
    ['http.mount_prefix', 'http', { mount_prefix: 'api' }],
    ['http.mount_prefix', 'http', { mount_prefix: '/a b' }],
    ['auth.openapi', 'auth', { openapi: 'x' }],
    ['auth.openapi.security', 'auth', { openapi: { security: {} } }],
    ['auth.openapi.paths./x', 'auth', { openapi: { paths: { '/x': [] } } }],
    ['auth.openapi.paths./x.get', 'auth', { openapi: { paths: { '/x': { get: ['Bearer'] } } } }],
  ])('a bad %s stops the start with one line: %s %j', (named, section, value) => {
    const inFile = () => read({ [section]: value })
    expect(inFile).toThrow(BadSetting)
    expect(inFile).toThrow(new RegExp(`^LANGGRAPH_JSON: [^\\n]*langgraph\\.json: "${named}" [^\\n]*$`))
    const variable = `LANGGRAPH_${section.toUpperCase()}`
    expect(() => read({}, { [variable]: JSON.stringify(value) })).toThrow(new RegExp(`^${variable}[^\\n]*$`))
  })

  test.each([
    ['LANGGRAPH_HTTP', '{'],
    ['LANGGRAPH_AUTH', 'null'],
    ['MOUNT_PREFIX', 'api'],
  ])('so does %s=%s', (name, value) => {
    expect(() => read({}, { [name]: value })).toThrow(new RegExp(`^${name} [^\\n]*$`))
  })
})
