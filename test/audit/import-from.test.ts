// The assistants of a LangGraph server with all their versions. Another registry serves its API here; LangGraph's own
// server takes its place with LANGGRAPH_API_URL (`test/peer`).
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { systemAssistantId } from '../../libs/assistant/src/index.js'
import { type Answer, type HttpService, send, startHttpService } from '../http/service.js'
import { cli, idOf } from './moves.js'

jest.setTimeout(120_000)

const PEER = process.env.LANGGRAPH_API_URL

let there: string
let server: HttpService | undefined
let here: HttpService

beforeAll(async () => {
  const langgraphJson = `${process.cwd()}/test/peer/langgraph.json`
  if (PEER) there = PEER
  else {
    server = await startHttpService({ LANGGRAPH_JSON: langgraphJson })
    there = server.url
  }
  here = await startHttpService({ PROJECT: 'here', LANGGRAPH_JSON: langgraphJson })
}, 120_000)
afterAll(async () => {
  await here?.stop()
  await server?.stop()
})

const at = (base: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  send(base + path, method, body, { 'content-type': 'application/json' })
const versionsAt = async (base: string, id: string) =>
  (await at(base, 'POST', `/assistants/${id}/versions`, { limit: 1000 })).body
const run = async () => {
  const { code, out, err } = await cli(['import', '--from', there, '--url', here.url, '--json'])
  return { code, err, done: JSON.parse(out || 'null') }
}

test('all assistants and versions come with ids, numbers and times, once, and what is new there later', async () => {
  const [many, back, first] = [randomUUID(), randomUUID(), randomUUID()]
  const made = async (id: string, name: string, versions: number) => {
    await at(there, 'POST', '/assistants', { assistant_id: id, graph_id: 'writer', name, metadata: { n: 1 } })
    for (let n = 2; n <= versions; n++)
      await at(there, 'PATCH', `/assistants/${id}`, {
        context: { prompt: `Prompt ${n}` },
        description: `of ${n}`,
      })
  }
  // More than a page of its versions.
  await made(many, 'Many', 45)
  await made(back, 'Back', 3)
  await at(there, 'POST', `/assistants/${back}/latest`, { version: 2 })
  await made(first, 'First', 2)
  await at(there, 'POST', `/assistants/${first}/latest`, { version: 1 })

  const ran = await run()
  expect(ran.code).toBe(0)
  // LangGraph's server leaves some fields as they were when it goes back.
  if (PEER) expect(ran.err).toContain('what is live there is not its version 2: description, context')
  else expect(ran.err).toBe('')
  const ids = [
    [many, many],
    [back, back],
    [systemAssistantId('default', 'writer'), systemAssistantId('here', 'writer')],
  ] as const
  for (const [id, own] of ids) {
    const wanted = (await versionsAt(there, id)).map((version: object) => ({ ...version, assistant_id: own }))
    const found = await versionsAt(here.url, own)
    const timeless = (all: { created_at: string }[]) => all.map(({ created_at: _, ...rest }) => rest)
    expect(timeless(found)).toMatchObject(timeless(wanted))
    if (id === own) {
      const times = (all: { created_at: string }[]) => all.map(({ created_at }) => Date.parse(created_at))
      expect(times(found)).toEqual(times(wanted))
    }
  }
  const bothOf = async (id: string) => [
    (await at(there, 'GET', `/assistants/${id}`)).body,
    (await at(here.url, 'GET', `/assistants/${id}`)).body,
  ]
  const [theirs, ours] = await bothOf(back)
  expect(ours.version).toBe(2)
  expect(Date.parse(ours.updated_at)).toBe(Date.parse(theirs.updated_at))
  const [firstThere, firstHere] = await bothOf(first)
  expect([firstHere.version, Date.parse(firstHere.updated_at)]).toEqual([
    1,
    Date.parse(firstThere.updated_at),
  ])
  const searched = await at(here.url, 'POST', '/assistants/search', { name: 'Back' })
  expect(searched.body).toMatchObject([{ created_at: ours.created_at, updated_at: ours.updated_at }])

  expect(await run()).toMatchObject({ code: 0, done: { changed: 0, written: 0, refused: 0 } })
  // What was moved here stays, as long as nothing moves there.
  await at(here.url, 'POST', `/assistants/${back}/latest`, { version: 1 })
  expect(await run()).toMatchObject({ code: 0, done: { written: 0 } })
  expect((await at(here.url, 'GET', `/assistants/${back}`)).body.version).toBe(1)
  await at(there, 'PATCH', `/assistants/${back}`, { context: { prompt: 'Prompt 4' } })
  expect(await run()).toMatchObject({ code: 0, done: { changed: 1, written: 2 } })
  expect((await at(here.url, 'GET', `/assistants/${back}`)).body.version).toBe(4)
})

test('an assistant that has another version here is left as it is, and named', async () => {
  const mine = idOf(7)
  await at(here.url, 'POST', '/assistants', { assistant_id: mine, graph_id: 'writer', name: 'Mine' })
  await at(there, 'POST', '/assistants', { assistant_id: mine, graph_id: 'writer', name: 'Theirs' })
  const { code, err, done } = await run()
  expect([code, done.refused]).toEqual([4, 1])
  expect(err).toContain(`Theirs (${mine})`)
  expect(err).toContain(`Version 1 of ${mine} is another one here than there`)
  expect((await at(here.url, 'GET', `/assistants/${mine}`)).body.name).toBe('Mine')
})

test('what is no LangGraph server is said in one line', async () => {
  const away = await cli(['import', '--from', 'http://127.0.0.1:1', '--url', here.url])
  expect([away.code, away.err]).toEqual([
    1,
    expect.stringMatching(/does not answer .*: name the base URL of a LangGraph server/),
  ])
  for (const [from, hint] of [
    ['localhost:2199', 'write http://localhost:2199'],
    ['ftp://localhost', 'one is like http://127.0.0.1:8123'],
  ] as const)
    expect(await cli(['import', '--from', from, '--url', here.url])).toMatchObject({
      code: 2,
      err: `error: "${from}" is no URL of a service; ${hint}\n`,
    })
  const other = await cli(['import', '--from', `${there}/metrics`, '--url', here.url])
  expect([other.code, other.err]).toEqual([1, expect.stringMatching(/answered 404/)])
})

test('what its authentication asks for is sent, and what is not as it says there is named', async () => {
  const version = { ...bare, name: 'x' }
  const mixed = { ...version, assistant_id: idOf(20), context: { prompt: 'old' } }
  const gone = { ...version, assistant_id: idOf(21), name: 'Gone' }
  const server = createServer(({ url, headers }, response) => {
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body))
    if (headers['x-api-key'] !== 'of there') answer(401, 'no')
    else if (url === '/assistants/search') answer(200, [gone, mixed])
    else if (url === `/assistants/${idOf(20)}/versions`) answer(200, [{ ...mixed, context: {} }])
    else answer(404, 'deleted meanwhile')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const args = ['import', '--from', from, '--url', here.url]
  try {
    expect(await cli(args)).toMatchObject({ code: 1, err: expect.stringContaining('answered 401') })
    const { code, err } = await cli([...args, '--from-header', 'x-api-key: of there'])
    expect(err).toMatch(/Gone .*: .* deleted there meanwhile/)
    expect(err).toContain(`x (${idOf(20)}): what is live there is not its version 1: context stayed`)
    expect([code, (await at(here.url, 'GET', `/assistants/${idOf(20)}`)).body.context]).toEqual([4, {}])
    expect(await cli(['import', 'file', '--from-header', 'a: b'])).toMatchObject({ code: 2 })
  } finally {
    server.close()
  }
})

/** A server that answers as it is told, or not at all where that is undefined. */
async function answering(answer: (path: string) => readonly [number, unknown] | undefined) {
  const asked: string[] = []
  const server = createServer(({ url = '', socket }, response) => {
    asked.push(url)
    const [status, body] = answer(url) ?? []
    if (status === undefined) socket.destroy()
    else response.writeHead(status, { 'Retry-After': '0' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, asked, close: () => server.close() }
}

const made = { created_at: '2026-01-02T03:04:05Z', updated_at: '2026-01-02T03:04:05Z' }
const bare = { graph_id: 'writer', config: {}, context: {}, metadata: {}, version: 1, ...made }

test('a server that is busy or restarts is asked again; one that does not come back is said, not counted', async () => {
  const [one, two] = [30, 31].map((n) => ({ ...bare, assistant_id: idOf(n), name: `No. ${n}` }))
  const times = new Map<string, number>()
  const flapping = await answering((path) => {
    const time = (times.get(path) ?? 0) + 1
    times.set(path, time)
    // Each question is put three times: to one who restarts, to one who is busy, and then.
    if (time % 3 === 1) return [503, 'starting']
    if (time % 3 === 2) return path.includes(idOf(31)) ? undefined : [429, 'slowly']
    return [200, path.endsWith('/search') ? [one, two] : path.includes(idOf(30)) ? [one] : [two]]
  })
  const away = await answering((path) => {
    if (path.endsWith('/search')) return [200, [{ ...one, assistant_id: idOf(32) }, two]]
    return path.includes(idOf(32)) ? [200, [{ ...one, assistant_id: idOf(32) }]] : [503, 'down for good']
  })
  // The service itself, that takes nothing just now.
  const busy = await answering((path) =>
    path === '/admin' ? [200, { project: 'here' }] : [503, { code: 'unavailable', detail: 'No room' }],
  )
  try {
    const [first, second, third] = await Promise.all(
      [
        [flapping.url, here.url],
        [away.url, here.url],
        [there, busy.url],
      ].map(([from, url]) => cli(['import', '--from', from as string, '--url', url as string])),
    )
    expect(first).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining(': 2 assistants, 2 of them with something new: 2 events written'),
    })
    expect([second?.code, second?.out]).toEqual([1, ''])
    expect(second?.err).toMatch(
      /^broken off after 1 assistant; what was written stays.*\nerror: .*\/versions answered 503, 5 times: "down for good"\n$/,
    )
    expect((await at(here.url, 'GET', `/assistants/${idOf(32)}`)).status).toBe(200)
    expect([third?.code, third?.err]).toEqual([1, expect.stringMatching(/^error: import: No room.*\n$/)])
    expect(busy.asked.length).toBe(4)
  } finally {
    for (const server of [flapping, away, busy]) server.close()
  }
})

test("a server's own system assistants are passed over, and likely secrets are named without their value", async () => {
  const key = `sk-proj-${'aB3dE5fG7hJ9kL1mN2pQ'.repeat(3)}`
  const system = (graph_id: string) => ({
    ...bare,
    graph_id,
    assistant_id: systemAssistantId('default', graph_id),
    name: graph_id,
    metadata: { created_by: 'system' },
    context: { prompt: 'Another one than here' },
  })
  const [writer, other] = [system('writer'), system('other')]
  const keyed = { ...bare, assistant_id: idOf(40), name: 'Keyed', config: { configurable: { api_key: key } } }
  const old = await answering((path) => {
    if (path.endsWith('/search')) return [200, [writer, other, keyed]]
    if (path.includes(idOf(40))) return [200, [keyed]]
    return [200, [path.includes(writer.assistant_id) ? writer : { ...other, version: 3 }]]
  })
  const args = ['import', '--from', old.url, '--url', here.url]
  try {
    const { code, out, err } = await cli(args)
    expect([code, out]).toEqual([
      0,
      expect.stringContaining(
        ': 1 assistant, 1 of them with something new: 1 event written; 2 system assistants passed over, of which',
      ),
    ])
    expect(err.split('\n')).toEqual([
      expect.stringContaining(
        `other (${other.assistant_id}): a system assistant that was changed there; its 3`,
      ),
      expect.stringContaining('likely secrets'),
      expect.stringMatching(
        `^Keyed \\(${idOf(40)}\\): /config/configurable/api_key looks like an? .*, first in version 1$`,
      ),
      '',
    ])
    expect(out + err).not.toContain(key.slice(8, 20))
    const again = await cli([...args, '--json'])
    expect(JSON.parse(again.out)).toMatchObject({ written: 0, system: 2, likely_secrets: [] })
    const own = await at(here.url, 'GET', `/assistants/${systemAssistantId('here', 'writer')}`)
    expect(own.body.context).not.toEqual(writer.context)
  } finally {
    old.close()
  }
})

test('the service takes no half of an assistant', async () => {
  const version = { version: 2, created_at: '2026-01-02T03:04:05Z', graph_id: 'writer', name: 'x' }
  const post = (body: object) => at(here.url, 'POST', '/admin/import/assistant', body)
  const base = { assistant_id: idOf(8), from: 'http://there' }
  for (const [body, detail] of [
    [{ ...base, versions: [version] }, /Version 2 .* cannot follow version 0/],
    [{ ...base, versions: [{ ...version, created_at: 'soon' }] }, /created_at must be a time/],
    [{ ...base, versions: [{ ...version, config: [] }] }, /config must be an object/],
    [{ ...base, versions: [], live: { version: 1, updated_at: '2026-01-02T03:04:05Z' } }, /was not sent/],
    [{ ...base, from: 7, versions: [] }, /from must be a URL/],
    [{ ...base, versions: 7 }, /versions must be a list/],
  ] as const) {
    const { status, body: refusal } = await post(body)
    expect([status, refusal.detail]).toEqual([422, expect.stringMatching(detail)])
  }
})
