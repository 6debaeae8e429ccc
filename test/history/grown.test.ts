// The past and the changes on EventStoreDB's stand-in and PostgreSQL: the same answers as on one machine, from whichever
// replica, and through the death of the store.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { send } from '../http/service.js'
import { freePort } from '../observability/scrape.js'
import { type Grown, growOut } from '../replicas/grown.js'
import { type EventSource, openEvents } from '../support/event-source.js'

const TIMEOUT_MS = 90_000

let grown: Grown
const urls: string[] = []
beforeAll(async () => {
  grown = await growOut()
  for (let n = 0; n < 2; n++) {
    const port = await freePort()
    await grown.startReplica({ PORT: String(port) })
    urls.push(`http://127.0.0.1:${port}/assistants`)
  }
}, TIMEOUT_MS)
afterAll(() => grown?.end(), TIMEOUT_MS)

const [ONE, OTHER] = [0, 1]
const ask = (replica: number, method: string, path: string, body?: unknown) =>
  send(`${urls[replica]}${path}`, method, body)

test(
  'every replica answers the same of the past, page by page',
  async () => {
    const { body } = await ask(ONE, 'POST', '', { graph_id: 'writer', name: 'one', context: { model: 'a' } })
    const id: string = body.assistant_id
    await ask(OTHER, 'PATCH', `/${id}`, { context: { model: 'b' } })
    await ask(ONE, 'PATCH', `/${id}?promote=false`, { name: 'three' })
    await ask(OTHER, 'DELETE', `/${id}`)
    await ask(ONE, 'POST', '', { graph_id: 'writer', name: 'again', assistant_id: id })
    const both = async (path: string) => {
      const [one, other] = await Promise.all([ask(ONE, 'GET', path), ask(OTHER, 'GET', path)])
      expect([one?.status, one?.body]).toEqual([200, other?.body])
      return one?.body
    }
    const { entries } = await both(`/${id}/history`)
    expect(entries.map((one: Record<string, unknown>) => [one.type, one.generation, one.version])).toEqual([
      ['AssistantCreated', 2, 1],
      ['AssistantDeleted', 1, 2],
      ['ConfigChanged', 1, 3],
      ['VersionPromoted', 1, 2],
      ['ConfigChanged', 1, 2],
      ['AssistantCreated', 1, 1],
    ])
    const pages: unknown[] = []
    for (let n = 0, next = ''; ; n++) {
      const page = await ask(n % 2, 'GET', `/history?limit=2${next && `&before=${next}`}`)
      pages.push(...page.body.entries.filter((one: { assistant_id: string }) => one.assistant_id === id))
      if (page.body.next === undefined) break
      next = page.body.next
    }
    expect(pages).toEqual(entries)
    expect(await both(`/${id}?at=${entries[3].position}`)).toMatchObject({
      version: 2,
      context: { model: 'b' },
    })
    expect(await both(`/${id}?at=${encodeURIComponent(entries[5].at)}`)).toMatchObject({ version: 1 })
    expect(await both(`/${id}/diff?from=1.1&to=1.3`)).toMatchObject({
      text: 'name: "one" → "three"\ncontext.model: "a" → "b"',
    })
    const { fields } = await both(`/${id}/blame?of=1.3`)
    expect(fields.find((one: { pointer: string }) => one.pointer === '/context/model')).toMatchObject({
      version: 2,
    })
  },
  TIMEOUT_MS,
)

test(
  'the changes go on at another replica, and through the death of the store',
  async () => {
    const { body } = await ask(ONE, 'POST', '', { graph_id: 'writer' })
    const id: string = body.assistant_id
    const expected: string[] = []
    const change = async () => {
      const { status, headers } = await ask(ONE, 'PATCH', `/${id}?promote=false`, { name: 'n' })
      expect(status).toBe(200)
      expected.push(headers.get('ledger-position') ?? '')
    }
    const seen: string[] = []
    const take = async (stream: EventSource, count: number) => {
      seen.push(...(await stream.take(count)).map((event) => event.id))
    }
    const first = await openEvents(`${urls[ONE]}/changes`)
    await first.begun()
    await change()
    await change()
    await take(first, 1)
    const lastId = first.lastId
    first.close()
    await change()
    const second = await openEvents(`${urls[OTHER]}/changes`, { 'last-event-id': lastId })
    await take(second, 2)
    await grown.store.restart()
    await change()
    await change()
    await take(second, 2)
    second.close()
    expect(seen).toEqual(expected)
  },
  TIMEOUT_MS,
)
