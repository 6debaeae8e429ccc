// The questions about the past as a service answers them, over HTTP and over the bus alike, and the changes as they come.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { type HttpService, startHttpService } from '../http/service.js'
import { openEvents } from '../support/event-source.js'
import { startRegistry } from '../support/registry.js'

const TIMEOUT_MS = 90_000
jest.setTimeout(TIMEOUT_MS)
const PROMPT = 'You write posts for a blog about tea, and you never exaggerate.'

let directory: string
let manifest: string
let http: HttpService
let id: string
const why = (reason: string, actor = 'ann') => ({ 'x-reason': encodeURIComponent(reason), 'x-actor': actor })

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assistant-ledger-past-'))
  manifest = join(directory, 'langgraph.json')
  await writeFile(
    manifest,
    JSON.stringify({ graphs: { writer: './writer.ts:graph', editor: './editor.ts:graph' } }),
  )
  http = await startHttpService({ LANGGRAPH_JSON: manifest })
  const created = await http.send(
    'POST',
    '/assistants',
    { graph_id: 'writer', name: 'Blog', context: { model: 'one', prompt: PROMPT, tools: ['search'] } },
    why('the first'),
  )
  id = created.body.assistant_id
  await http.send(
    'PATCH',
    `/assistants/${id}`,
    { context: { model: 'two', prompt: PROMPT.replace('blog', 'journal'), tools: ['search', 'files'] } },
    why('für den Frühling', 'bob'),
  )
  await http.send('PATCH', `/assistants/${id}?promote_to=staging`, { name: 'Journal' }, why('to try', 'eve'))
  await http.send('POST', `/assistants/${id}/rollback`, {}, why('it was worse'))
}, TIMEOUT_MS)
afterAll(async () => {
  await http?.stop()
  await rm(directory, { recursive: true, force: true })
}, TIMEOUT_MS)

/** The same over HTTP and over the bus. */
async function both(path: string, verb: string, body: object) {
  const answer = await http.send('GET', path)
  const reply = await http.service.bus.send(verb, body)
  expect([answer.status, answer.body?.code ?? answer.body]).toEqual([
    reply.status,
    (reply.body as { code?: string })?.code ?? reply.body,
  ])
  return answer
}

describe('an assistant as it was', () => {
  test('at a position, at a time, in an environment', async () => {
    const { body } = await http.send('GET', `/assistants/${id}/history`)
    const promoted = body.entries.find(
      (one: { version: number; environment?: string }) => one.version === 2 && one.environment,
    )
    for (const at of [promoted.position, promoted.at, promoted.at.replace('+00:00', 'Z')]) {
      const then = await both(`/assistants/${id}?at=${encodeURIComponent(at)}`, 'get', {
        assistant_id: id,
        at,
      })
      expect(then.body).toMatchObject({
        version: 2,
        name: 'Blog',
        context: { model: 'two' },
        updated_at: promoted.at,
      })
      expect(then.headers.get('etag')).toBe(`"${promoted.revision}"`)
    }
    const now = await http.send('GET', `/assistants/${id}`)
    const at = new Date().toISOString()
    const later = await http.send('GET', `/assistants/${id}?at=${at}`)
    expect([later.body, later.headers.get('etag')]).toEqual([now.body, now.headers.get('etag')])
    const staging = await both(`/assistants/${id}?at=${at}&environment=staging`, 'get', {
      assistant_id: id,
      at,
      environment: 'staging',
    })
    expect(staging.body).toMatchObject({ version: 3, name: 'Journal' })
  })

  test('is refused for what it is', async () => {
    const refused = async (query: string, of = id) => {
      const at = new URLSearchParams(query)
      const { status, body } = await both(`/assistants/${of}?${query}`, 'get', {
        assistant_id: of,
        ...Object.fromEntries(at),
      })
      return [status, body.code, body.detail]
    }
    expect(await refused('at=2020-01-01T00:00:00Z')).toEqual([
      404,
      'not-found',
      expect.stringMatching(
        /^The assistant did not exist at 2020-01-01T00:00:00.000000\+00:00; it was created at 20\d\d-\S+$/,
      ),
    ])
    expect(await refused('at=yesterday')).toEqual([
      422,
      'invalid-request',
      expect.stringContaining('at must be a time'),
    ])
    expect(await refused('at=1&environment=nowhere')).toEqual([404, 'unknown-environment', expect.anything()])
    expect(await refused('at=9999999', '00000000-0000-4000-8000-000000000000')).toEqual([
      404,
      'not-found',
      'Assistant not found',
    ])
  })
})

test('what has not been yet is refused by its field, with where the log ends, over HTTP and the bus alike', async () => {
  const head = (await http.send('POST', '/assistants/count')).headers.get('ledger-position')
  // Checkpoints are events too, and move it.
  const beyond = String(BigInt(head ?? 0) + 1_000n)
  const position = expect.stringMatching(
    new RegExp(`^Position ${beyond} is beyond the end of the log, \\d+$`),
  )
  const time = /^2999-01-01T00:00:00\.000000\+00:00 is yet to come: it is .*; the log ends at position \d+$/
  for (const [verb, path, field, given, detail] of [
    ['get', '?at=', 'at', beyond, position],
    ['get', '?at=', 'at', `@${beyond}`, position],
    ['get', '?at=', 'at', '9'.repeat(20), expect.stringContaining('is beyond the end of the log')],
    ['get', '?at=', 'at', '2999-01-01T00:00:00Z', expect.stringMatching(time)],
    ['diff', '/diff?from=', 'from', `@${beyond}`, position],
    ['diff', '/diff?from=1&to=', 'to', '2999-01-01T00:00:00Z', expect.stringMatching(time)],
    ['blame', '/blame?of=', 'of', `@${beyond}`, position],
  ] as const) {
    const body = { assistant_id: id, ...(field === 'to' ? { from: '1' } : {}), [field]: given }
    const answer = await both(`/assistants/${id}${path}${given}`, verb, body)
    expect([path, given, answer.status, answer.body]).toEqual([
      path,
      given,
      422,
      { code: 'invalid-request', field, detail },
    ])
  }
  // The end itself has been, and a clock that is a little ahead is no fault of whoever asks.
  const soon = new Date(Date.now() + 5_000).toISOString()
  for (const at of [head, soon])
    expect(await http.send('GET', `/assistants/${id}?at=${at}`)).toMatchObject({ status: 200 })
  const receipts = await http.send('GET', `/assistants/${id}/receipts?at=2999-01-01T00:00:00Z`)
  expect(receipts).toMatchObject({
    status: 422,
    body: { field: 'at', detail: expect.stringContaining('yet to come') },
  })
})

describe('a difference', () => {
  test('is a patch, a list of changes and a text', async () => {
    const { body } = await both(`/assistants/${id}/diff?from=1&to=1.2`, 'diff', {
      assistant_id: id,
      from: '1',
      to: '1.2',
    })
    expect(body).toMatchObject({
      assistant_id: id,
      from: { point: '1', generation: 1, version: 1, actor: { id: 'ann' }, reason: 'the first' },
      to: { point: '1.2', version: 2, actor: { id: 'bob' }, reason: 'für den Frühling' },
    })
    expect(body.to.ref).toMatch(new RegExp(`^${id}@1\\.2#[0-9a-f]{16}$`))
    expect(body.patch).toContainEqual({ op: 'replace', path: '/context/model', value: 'two' })
    expect(body.text).toBe(
      [
        'context.model: "one" → "two"',
        'context.prompt:',
        '  You write posts for a [-blog-]{+journal+} about tea, and you never exaggerate.',
        'context.tools: {+files+}',
      ].join('\n'),
    )
  })

  test('is of environments, positions and times too, and of live where nothing is said', async () => {
    const { body } = await both(`/assistants/${id}/diff?from=staging`, 'diff', {
      assistant_id: id,
      from: 'staging',
    })
    expect([body.from.version, body.to.version]).toEqual([3, 1])
    const { position } = (await http.send('GET', `/assistants/${id}/history?limit=1`)).body.entries[0]
    const to = new Date().toISOString()
    const same = await http.send('GET', `/assistants/${id}/diff?from=@${position}&to=${to}`)
    expect([same.body.patch, same.body.changes, same.body.text]).toEqual([[], [], ''])
  })

  test('is refused with the field that is wrong', async () => {
    const refused = async (query: string) => {
      const body = { assistant_id: id, ...Object.fromEntries(new URLSearchParams(query)) }
      const answer = await both(`/assistants/${id}/diff?${query}`, 'diff', body)
      return [answer.status, answer.body.code, answer.body.field]
    }
    expect(await refused('')).toEqual([422, 'invalid-request', 'from'])
    expect(await refused('from=0')).toEqual([422, 'invalid-request', 'from'])
    expect(await refused('from=1&to=@x')).toEqual([422, 'invalid-request', 'to'])
    expect(await refused('from=1&to=9')).toEqual([404, 'version-not-found', undefined])
    expect(await refused('from=1&to=production')).toEqual([404, 'unknown-environment', 'to'])
    expect(await refused('from=1e3')).toEqual([404, 'unknown-environment', 'from'])
    expect(await refused('from=1&environment=x')).toEqual([404, 'unknown-environment', 'environment'])
  })
})

describe('history', () => {
  test('says who did what, when and why, newest first, page by page', async () => {
    const { body } = await both(`/assistants/${id}/history`, 'history', { assistant_id: id })
    expect(body.next).toBeUndefined()
    expect(body.entries.map(({ what }: { what: string }) => what)).toEqual([
      'took live back to version 1 in place of version 2',
      'moved staging to version 3',
      'made version 3 from version 2',
      'moved live to version 2 in place of version 1',
      'made version 2 from version 1',
      'created as "Blog" of graph writer',
    ])
    expect(body.entries[4]).toMatchObject({
      type: 'ConfigChanged',
      assistant_id: id,
      graph_id: 'writer',
      generation: 1,
      version: 2,
      built_on: 1,
      actor: { id: 'bob', verified: false, via: 'http' },
      reason: 'für den Frühling',
    })
    const pages = []
    for (let next = ''; ; ) {
      const page = await http.send('GET', `/assistants/${id}/history?limit=2${next && `&before=${next}`}`)
      pages.push(...page.body.entries)
      if (page.body.next === undefined) break
      next = page.body.next
    }
    expect(pages).toEqual(body.entries)
  })

  test('of all is that of each, and of what is asked for', async () => {
    const { body } = await both('/assistants/history?actor=eve&reason=TRY', 'history', {
      actor: 'eve',
      reason: 'TRY',
    })
    expect(body.entries.map(({ type }: { type: string }) => type)).toEqual([
      'VersionPromoted',
      'ConfigChanged',
    ])
    const created = await http.send(
      'GET',
      '/assistants/history?type=AssistantCreated,AssistantDeleted&graph_id=writer',
    )
    expect(created.body.entries.map((one: { assistant_id: string }) => one.assistant_id)).toContain(id)
    const none = await http.send('GET', '/assistants/history?since=2999-01-01T00:00:00Z')
    expect(none.body).toEqual({ entries: [] })
  })

  test('is refused with the field that is wrong', async () => {
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=1001', 'limit'],
      ['before=x', 'before'],
      // More than any log can have.
      ['before=9223372036854775808', 'before'],
      ['type=Nothing', 'type'],
      ['since=yesterday', 'since'],
      ['until=1', 'until'],
    ] as const) {
      const { status, body } = await http.send('GET', `/assistants/history?${query}`)
      expect([status, body.code, body.field]).toEqual([422, 'invalid-request', field])
    }
    expect((await http.service.bus.send('history', { receipts: true })).status).toBe(422)
    expect((await http.send('GET', `/assistants/${id.replace(/.$/, 'x')}/history`)).status).toBe(422)
  })
})

test('who set each field is told with when and why', async () => {
  const { body } = await both(`/assistants/${id}/blame?of=3&path=/context`, 'blame', {
    assistant_id: id,
    of: '3',
    path: '/context',
  })
  expect(body.fields.map((one: Record<string, unknown>) => [one.pointer, one.version, one.reason])).toEqual([
    ['/context/model', 2, 'für den Frühling'],
    ['/context/prompt', 2, 'für den Frühling'],
    ['/context/tools', 2, 'für den Frühling'],
  ])
  const name = await http.send('GET', `/assistants/${id}/blame?of=staging&path=/name`)
  expect(name.body.fields).toMatchObject([
    { pointer: '/name', value: 'Journal', version: 3, actor: { id: 'eve' } },
  ])
  for (const [query, field] of [
    ['path=context', 'path'],
    ['path=/~2', 'path'],
    ['of=nowhere', 'of'],
  ]) {
    const refused = await http.send('GET', `/assistants/${id}/blame?${query}`)
    expect([refused.status >= 400, refused.body.field]).toEqual([true, field])
  }
})

describe('what is deleted', () => {
  test('keeps its history, its differences and what it was', async () => {
    const made = await http.send('POST', '/assistants', { graph_id: 'writer', name: 'brief' })
    const { assistant_id: gone } = made.body
    await http.send('DELETE', `/assistants/${gone}`, undefined, why('not needed'))
    await http.send('POST', '/assistants', { graph_id: 'writer', name: 'again', assistant_id: gone })
    await http.send('DELETE', `/assistants/${gone}`)
    const { body } = await http.send('GET', `/assistants/${gone}/history`)
    expect(
      body.entries.map((one: Record<string, unknown>) => [one.what, one.generation, one.version]),
    ).toEqual([
      ['deleted', 2, 1],
      ['created again as "again" of graph writer', 2, 1],
      ['deleted', 1, 1],
      ['created as "brief" of graph writer', 1, 1],
    ])
    expect((await http.send('GET', `/assistants/${gone}/diff?from=1.1&to=2.1`)).body.text).toBe(
      'name: "brief" → "again"',
    )
    expect((await http.send('GET', `/assistants/${gone}/diff?from=1.1`)).status).toBe(404)
    const { position } = body.entries[3]
    expect((await http.send('GET', `/assistants/${gone}?at=${position}`)).body).toMatchObject({
      name: 'brief',
      version: 1,
    })
  })
})

describe('the changes', () => {
  test('come in order, with their position, to all who watch, each what they ask for', async () => {
    const all = await openEvents(`${http.url}/assistants/changes`)
    expect(all.status).toBe(200)
    expect(all.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(all.headers.get('cache-control')).toContain('no-cache')
    expect(all.headers.get('access-control-allow-origin')).toBe('*')
    const writers = await openEvents(`${http.url}/assistants/changes?graph_id=writer`)
    const promotions = await openEvents(
      `${http.url}/assistants/changes?type=VersionPromoted,AssistantDeleted`,
    )
    await Promise.all([all, writers, promotions].map((one) => one.begun()))
    const made = await http.send('POST', '/assistants', { graph_id: 'writer' }, why('to watch'))
    const { assistant_id: watched } = made.body
    await http.send('PATCH', `/assistants/${watched}`, { graph_id: 'editor' })
    await http.send('DELETE', `/assistants/${watched}`)
    const told = await all.take(4)
    const history = await http.send('GET', `/assistants/${watched}/history`)
    expect(told.map(({ data }) => data)).toEqual(history.body.entries.toReversed())
    expect(told.map(({ id, event }) => [id, event])).toEqual(
      told.map(({ data }) => [data.position, 'change']),
    )
    expect((await promotions.take(2)).map(({ data }) => data.type)).toEqual([
      'VersionPromoted',
      'AssistantDeleted',
    ])
    expect((await writers.take(2)).map(({ event, data }) => [event, data])).toEqual([
      ['change', told[0]?.data],
      // It went to another graph: more is not said.
      ['gone', { assistant_id: watched, position: told[2]?.id }],
    ])
    for (const one of [all, writers, promotions]) one.close()
  })

  test('are narrowed to one assistant, to who acted, to an environment and to a reason', async () => {
    const of = '/assistants/changes?'
    const made = await http.send('POST', '/assistants', { graph_id: 'writer' }, why('to watch'))
    const { assistant_id: one } = made.body
    const narrowed = [
      `assistant_id=${one.toUpperCase()}`,
      'actor=zoe',
      'environment=staging&graph_id=writer',
      'reason=NARROW',
    ]
    const streams = await Promise.all(narrowed.map((options) => openEvents(http.url + of + options)))
    await Promise.all(streams.map((stream) => stream.begun()))
    await http.send('PATCH', `/assistants/${id}?promote=false`, { name: 'other' }, why('something else'))
    await http.send('PATCH', `/assistants/${one}?promote_to=staging`, { name: 'n' }, why('to narrow', 'zoe'))
    await http.send('PATCH', `/assistants/${id}?promote_to=staging`, { name: 'n' }, why('narrowly', 'zoe'))
    const told = await Promise.all(
      ([2, 4, 2, 4] as const).map(async (count, n) => {
        const events = (await streams[n]?.take(count)) ?? []
        return events.map(({ data }) => `${data.type} ${data.assistant_id === one ? 'one' : 'other'}`)
      }),
    )
    const both = (who: string) => [`ConfigChanged ${who}`, `VersionPromoted ${who}`]
    const all = [...both('one'), ...both('other')]
    expect(told).toEqual([both('one'), all, ['VersionPromoted one', 'VersionPromoted other'], all])
    for (const stream of streams) stream.close()
    const odd = await http.send('GET', `${of}assistant_id=x`)
    expect([odd.status, odd.body.field]).toEqual([422, 'assistant_id'])
  })

  test('are not begun for who asks for headers alone', async () => {
    const answer = await http.send('HEAD', '/assistants/changes')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ])
  })

  test('are refused where they cannot begin', async () => {
    const refused = async (query: string, headers = {}) => {
      const { status, body } = await http.send('GET', `/assistants/changes${query}`, undefined, headers)
      return [status, body.code, body.field]
    }
    expect(await refused('?type=Nothing')).toEqual([422, 'invalid-request', 'type'])
    expect(await refused('?after=x')).toEqual([422, 'invalid-request', 'after'])
    expect(await refused('', { 'last-event-id': '-1' })).toEqual([422, 'invalid-request', 'after'])
    // What a reader brings along when it comes again counts, whatever its address says.
    expect(await refused('?after=0', { 'last-event-id': '-1' })).toEqual([422, 'invalid-request', 'after'])
    expect(await refused('?after=999999999')).toEqual([422, 'invalid-request', 'after'])
  })

  test('go on exactly where they were, through the death of the service', async () => {
    const { registry, nats } = http.service
    const seen: string[] = []
    const expected: string[] = []
    const change = async () => {
      const { headers, status } = await http.send('PATCH', `/assistants/${id}?promote=false`, { name: 'n' })
      expect(status).toBe(200)
      expected.push(headers.get('ledger-position') ?? '')
    }
    const first = await openEvents(`${http.url}/assistants/changes`)
    await first.begun()
    for (let n = 0; n < 5; n++) await change()
    seen.push(...(await first.take(3)).map(({ id }) => id))
    await registry.kill()
    const lastId = seen.at(-1) as string
    while (await first.next()) {
      // What came before it died, and is told again to one who did not see it.
    }
    const port = new URL(http.url).port
    const again = await startRegistry({
      natsUrl: nats.url,
      dataDir: registry.dataDir,
      env: { PORT: port, LANGGRAPH_JSON: manifest },
    })
    for (let n = 0; n < 3; n++) await change()
    const second = await openEvents(`${http.url}/assistants/changes`, { 'last-event-id': lastId })
    seen.push(...(await second.take(5)).map(({ id }) => id))
    expect(seen).toEqual(expected)
    // A stop ends the stream as it should, and does not wait for whoever reads it.
    const ended = second.next()
    expect(await again.stop()).toBe(0)
    expect([await ended, second.cut, first.cut]).toEqual([undefined, false, true])
  })
})
