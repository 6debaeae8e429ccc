// The assistants of a LangGraph server with all their versions. Another registry serves its API here; LangGraph's own
// server takes its place with LANGGRAPH_API_URL (`test/peer`).
import { randomUUID } from 'node:crypto'
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
  const [many, back] = [randomUUID(), randomUUID()]
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

  const first = await run()
  expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: '' })
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
  const [theirs, ours] = [
    (await at(there, 'GET', `/assistants/${back}`)).body,
    (await at(here.url, 'GET', `/assistants/${back}`)).body,
  ]
  expect(ours.version).toBe(2)
  expect(Date.parse(ours.updated_at)).toBe(Date.parse(theirs.updated_at))
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
  const other = await cli(['import', '--from', `${there}/metrics`, '--url', here.url])
  expect([other.code, other.err]).toEqual([1, expect.stringMatching(/answered 404/)])
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
