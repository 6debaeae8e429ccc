// Two users, every action, every form of filter, with the module in TypeScript and in JavaScript: what is another's is
// not there, and nothing that is answered says otherwise.
import { join } from 'node:path'
import type { HistoryEntry } from '@assistant-ledger/history'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Authorizer } from '../../apps/registry/src/auth/authorizer.js'
import { openAuthorizer } from '../../apps/registry/src/auth/open.js'
import { readSettings } from '../../apps/registry/src/settings.js'
import { openParts, type Parts } from '../registry/parts.js'
import { Asker, refusalOf } from './asker.js'
import { importNatively } from './native-import.js'

jest.setTimeout(60_000)

const FORMS = ['plain', 'eq', 'contains', 'contains-all', 'or', 'and', 'nested'] as const
const NATS = { NATS_USER: 'registry', NATS_PASSWORD: 'p' }
const HERE = join(process.cwd(), 'test/auth/modules')

const open = (file: string, env: NodeJS.ProcessEnv = {}): Promise<Authorizer> =>
  openAuthorizer(
    readSettings({ ...NATS, ...env, LANGGRAPH_JSON: join(HERE, file) }),
    undefined,
    importNatively,
  )

let parts: Parts
beforeAll(async () => {
  parts = await openParts()
  parts.project()
})
afterAll(() => parts.close())

const as = (authorizer: Authorizer, token: string) =>
  new Asker(parts, authorizer, { authorization: `Bearer ${token}` })
const idsIn = ({ body }: { readonly body: unknown }) =>
  (body as readonly { assistant_id: string }[]).map(({ assistant_id }) => assistant_id)

describe.each(['typescript.json', 'javascript.json'])('with the module of %s', (manifest) => {
  describe.each(FORMS)('and the filter %s', (form) => {
    let authorizer: Authorizer
    const names = { alice: `alice_${manifest.slice(0, 4)}_${form.replaceAll('-', '_')}`, bob: '' }
    names.bob = names.alice.replace('alice', 'bob')
    const made = { alice: '', bob: '' }
    const ask = (who: 'alice' | 'bob') => as(authorizer, `${names[who]}/${form}`)
    const both = [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ] as const

    beforeAll(async () => {
      authorizer = await open(manifest)
      for (const who of ['alice', 'bob'] as const) {
        const { body } = await ask(who).create({ graph_id: 'writer', name: who, metadata: { team: 'red' } })
        made[who] = (body as { assistant_id: string }).assistant_id
        await ask(who).update(made[who], { name: `${who} 2`, metadata: { note: who } })
        await ask(who).promote(made[who], 1, 'staging')
      }
    })

    test.each(both)('%s sees what is her or his, stamped by the handler', async (mine, _other) => {
      const { body } = await ask(mine).get(made[mine])
      expect(body).toMatchObject({
        name: `${mine} 2`,
        version: 2,
        metadata: {
          team: 'red',
          note: mine,
          owner: names[mine],
          readers: [names[mine], 'staff'],
          org: 'acme',
        },
      })
      expect((await ask(mine).get(made[mine], 'staging')).body).toMatchObject({ name: mine, version: 1 })
      expect(idsIn(await ask(mine).search())).toEqual([made[mine]])
      expect(idsIn(await ask(mine).search({ metadata: { team: 'red' } }))).toEqual([made[mine]])
      expect(idsIn(await ask(mine).search({ name: mine }))).toEqual([made[mine]])
      expect((await ask(mine).count()).body).toBe(1)
      expect((await ask(mine).versions(made[mine])).body).toHaveLength(2)
      expect((await ask(mine).version(made[mine], 1)).body).toMatchObject({ name: mine })
    })

    test.each(both)('%s sees what was hers or his, and nothing of %s', async (mine, other) => {
      const id = made[mine]
      const { entries } = (await ask(mine).history(id)).body as unknown as { entries: HistoryEntry[] }
      expect(entries.map(({ type }) => type)).toEqual([
        'VersionPromoted',
        'VersionPromoted',
        'ConfigChanged',
        'AssistantCreated',
      ])
      const first = entries[3]?.position ?? ''
      expect((await ask(mine).at(id, first)).body).toMatchObject({ name: mine, version: 1 })
      expect((await ask(mine).diff(id, '1')).body).toMatchObject({ text: expect.stringContaining('name: ') })
      expect((await ask(mine).blame(id)).body).toMatchObject({ of: { version: 2 } })
      expect((await ask(mine).impact(id, 1)).body).toMatchObject({
        decision: { type: 'promoted' },
        text: expect.stringContaining('name: '),
      })
      const all = (await ask(mine).history()).body as unknown as { entries: HistoryEntry[] }
      expect(all.entries.filter(({ assistant_id }) => assistant_id === id)).toEqual(entries)
      expect(all.entries.some(({ assistant_id }) => assistant_id === made[other])).toBe(false)
      const changes = await ask(mine).changes(BigInt(first) - 1n)
      expect(changes.filter(([, of]) => of === id)).toHaveLength(4)
      expect(changes.some(([, of]) => of === made[other])).toBe(false)
    })

    test.each(both)('for %s what is of %s is not there', async (me, other) => {
      const missing = '00000000-0000-4000-8000-000000000000'
      const theirs = made[other]
      const before = (await ask(other).get(theirs)).headers
      const asked = (id: string) => [
        ask(me).get(id),
        ask(me).get(id, 'staging'),
        ask(me).versions(id),
        ask(me).version(id, 1),
        ask(me).version(id, 99),
        ask(me).version(id, 1, 1),
        ask(me).update(id, { name: 'mine' }),
        ask(me).update(id, { name: 'mine' }, { promote_to: 'staging' }),
        ask(me).update(id, { name: 'mine' }, { ifRevision: 77n }),
        ask(me).promote(id, 1),
        ask(me).promote(id, 99),
        ask(me).promote(id, { from: 'staging' }),
        ask(me).rollback(id),
        ask(me).rollback(id, 'staging'),
        ask(me).delete(id),
        ask(me).at(id, '999999999'),
        ask(me).at(id, '1'),
        ask(me).at(id, '999999999', 'staging'),
        ask(me).diff(id, '1', '2'),
        ask(me).diff(id, '1', '99'),
        ask(me).blame(id),
        ask(me).blame(id, '1.1'),
        ask(me).impact(id, 1),
        ask(me).impact(id, 99, 'staging'),
        ask(me).history(id),
        ask(me).impact(id, { name: 'mine' }),
      ]
      const toldOf = async (id: string) =>
        (await Promise.allSettled(asked(id))).map((ended) =>
          ended.status === 'rejected'
            ? (ended.reason as { refusal: { code: string; detail: string } }).refusal
            : ended.value,
        )
      const told = JSON.parse(JSON.stringify(await toldOf(theirs)).replaceAll(theirs, missing))
      expect(told).toEqual(await toldOf(missing))
      expect(told.map(({ code }: { code: string }) => code)).toEqual(
        told.map((_: unknown, n: number) => (n === 5 ? 'version-not-found' : 'not-found')),
      )
      expect(idsIn(await ask(me).search({ name: other }))).toEqual([])
      expect(idsIn(await ask(me).search({ metadata: { owner: names[other] } }))).toEqual([])
      expect((await ask(other).get(theirs)).headers['Ledger-Revision']).toBe(before['Ledger-Revision'])
    })

    test.each(both)('for %s the id of what is of %s is taken, whatever if_exists says', async (me, other) => {
      for (const if_exists of ['raise', 'do_nothing']) {
        const again = ask(me).create({ graph_id: 'writer' }, { id: made[other], if_exists })
        expect(await refusalOf(again)).toBe('already-exists')
      }
      const own = await ask(me).create({ graph_id: 'writer' }, { id: made[me], if_exists: 'do_nothing' })
      expect(own.body).toMatchObject({ assistant_id: made[me], name: `${me} 2` })
      expect(await refusalOf(ask(me).create({ graph_id: 'writer' }, { id: made[me] }))).toBe('already-exists')
    })

    test.each(both)('%s changes, moves and deletes what is her or his', async (mine, other) => {
      const { body } = await ask(mine).create({ graph_id: 'writer', name: 'one' })
      const { assistant_id: id } = body as { assistant_id: string }
      expect((await ask(mine).update(id, { name: 'two' })).body).toMatchObject({ version: 2, name: 'two' })
      expect((await ask(mine).promote(id, 1)).body).toMatchObject({ version: 1, name: 'one' })
      expect((await ask(mine).rollback(id)).body).toMatchObject({ version: 2 })
      expect((await ask(mine).delete(id)).body).toBeNull()
      expect(await refusalOf(ask(mine).get(id))).toBe('not-found')
      expect((await ask(mine).version(id, 2, 1)).body).toMatchObject({ name: 'two' })
      const { entries } = (await ask(mine).history(id)).body as unknown as { entries: HistoryEntry[] }
      expect(entries.map(({ type }) => type)[0]).toBe('AssistantDeleted')
      expect((await ask(mine).diff(id, '1', '2')).body).toMatchObject({ text: 'name: "one" → "two"' })
      expect(await refusalOf(ask(other).history(id))).toBe('not-found')
      expect(await refusalOf(ask(other).diff(id, '1', '2'))).toBe('not-found')
      expect(
        (await ask(other).changes(BigInt(entries.at(-1)?.position ?? 0) - 1n)).some(([, of]) => of === id),
      ).toBe(false)
      expect(await refusalOf(ask(other).version(id, 2, 1))).toBe('version-not-found')
    })
  })
})

describe('what changes hands', () => {
  let authorizer: Authorizer
  const alice = () => as(authorizer, 'alice')
  const carol = () => as(authorizer, 'carol')
  beforeAll(async () => {
    authorizer = await open('typescript.json')
  })

  test('goes at once, with its versions', async () => {
    const { body } = await alice().create({ graph_id: 'writer', name: 'ours' })
    const { assistant_id: id } = body as { assistant_id: string }
    const given = await alice().update(id, { metadata: { owner: 'carol' } }, { key: 'give' })
    expect(given.body).toMatchObject({ metadata: { owner: 'carol' } })
    expect(await refusalOf(alice().get(id))).toBe('not-found')
    expect(await refusalOf(alice().versions(id))).toBe('not-found')
    expect(await refusalOf(alice().version(id, 1))).toBe('not-found')
    expect(await refusalOf(alice().get(id, 'staging'))).toBe('not-found')
    expect((await carol().get(id)).body).toMatchObject({ version: 2 })
    // A retry has the first answer; a new command finds nothing.
    const again = await alice().update(id, { metadata: { owner: 'carol' } }, { key: 'give' })
    expect(again.body).toEqual(given.body)
    expect(await refusalOf(alice().update(id, { metadata: { owner: 'alice' } }))).toBe('not-found')
    // Of what was before her, carol sees nothing and can bring nothing back.
    expect((await carol().versions(id)).body).toHaveLength(1)
    expect(await refusalOf(carol().version(id, 1))).toBe('version-not-found')
    expect(await refusalOf(carol().promote(id, 1))).toBe('version-not-found')
    expect(await refusalOf(carol().promote(id, 1, 'staging'))).toBe('version-not-found')
    expect(await refusalOf(carol().rollback(id))).toBe('version-not-found')
    // Nor what it was, or what differs from that; that a field is older is all that is told of it.
    const history = async (of: Asker) =>
      ((await of.history(id)).body as unknown as { entries: HistoryEntry[] }).entries
    expect((await history(carol())).map(({ type, version }) => [type, version])).toEqual([
      ['VersionPromoted', 2],
    ])
    expect(await refusalOf(alice().history(id))).toBe('not-found')
    const created = BigInt((await carol().history(id)).headers['Ledger-Position'] ?? 0) - 2n
    expect(await refusalOf(carol().at(id, String(created)))).toBe('not-found')
    expect(await refusalOf(carol().diff(id, '1', '2'))).toBe('version-not-found')
    expect(await refusalOf(carol().diff(id, `@${created}`, '2'))).toBe('not-found')
    const { fields } = (await carol().blame(id)).body as unknown as { fields: Record<string, unknown>[] }
    expect(fields.find(({ pointer }) => pointer === '/name')).toEqual({ pointer: '/name', value: 'ours' })
    expect(fields.find(({ pointer }) => pointer === '/metadata/owner')).toMatchObject({
      version: 2,
      value: 'carol',
    })
    const ofAll = ((await alice().history()).body as unknown as { entries: HistoryEntry[] }).entries
    expect(ofAll.filter(({ assistant_id }) => assistant_id === id).map(({ type }) => type)).toEqual([
      'AssistantCreated',
    ])
    expect((await alice().changes(created - 1n)).filter(([, of]) => of === id)).toEqual([
      ['AssistantCreated', id],
      ['gone', id],
    ])
    expect((await carol().changes(created - 1n)).filter(([, of]) => of === id)).toEqual([
      ['VersionPromoted', id],
    ])
  })

  test('and comes back: of the time between, its first owner sees nothing in any environment', async () => {
    const { body } = await alice().create({ graph_id: 'writer', name: 'lent' })
    const { assistant_id: id } = body as { assistant_id: string }
    const staged = await alice().promote(id, 1, 'staging')
    const lent = await alice().update(id, { metadata: { owner: 'carol' } })
    await carol().update(id, { metadata: { owner: 'alice' } })
    const at = ({ headers }: typeof staged, environment: string) =>
      alice().at(id, String(headers['Ledger-Position']), environment)
    expect((await at(staged, 'staging')).body).toMatchObject({ name: 'lent', version: 1 })
    expect(await refusalOf(at(lent, 'live'))).toBe('not-found')
    expect(await refusalOf(at(lent, 'staging'))).toBe('not-found')
  })
})

test('what changed hands behind the back of the read model is not shown from it', async () => {
  const stopped = await openParts()
  try {
    const authorizer = await open('typescript.json')
    const by = (token: string) => new Asker(stopped, authorizer, { authorization: `Bearer ${token}` })
    const projection = stopped.project()
    const { body } = await by('alice').create({ graph_id: 'writer' })
    const { assistant_id: id } = body as { assistant_id: string }
    await by('alice').promote(id, 1, 'staging')
    await projection.stop()
    await by('alice').update(id, { metadata: { owner: 'carol' } })
    expect(await refusalOf(by('alice').get(id))).toBe('not-found')
    expect(await refusalOf(by('alice').get(id, 'staging'))).toBe('not-found')
    expect(await refusalOf(by('alice').update(id, { name: 'mine' }))).toBe('not-found')
    expect(await refusalOf(by('alice').create({ graph_id: 'writer' }, { id, if_exists: 'do_nothing' }))).toBe(
      'already-exists',
    )
    expect((await by('carol').get(id)).body).toMatchObject({ version: 2 })
    // Her own is what staging has not.
    expect(await refusalOf(by('carol').get(id, 'staging'))).toBe('not-found')
  } finally {
    await stopped.close()
  }
})

describe('system assistants', () => {
  const system = async () => {
    const { id } = await parts.commands().create({ name: 'writer', metadata: { created_by: 'system' } })
    return id
  }

  test('are hidden by a filter of owners', async () => {
    const authorizer = await open('typescript.json')
    expect(await refusalOf(as(authorizer, 'alice').get(await system()))).toBe('not-found')
  })

  test('are seen, and not changed, where SEE_SYSTEM_ASSISTANTS says so', async () => {
    const authorizer = await open('typescript.json', { SEE_SYSTEM_ASSISTANTS: 'yes' })
    const id = await system()
    const dora = as(authorizer, 'dora')
    expect((await dora.get(id)).body).toMatchObject({ assistant_id: id })
    expect((await dora.versions(id)).body).toHaveLength(1)
    expect(idsIn(await dora.search())).toContain(id)
    const count = (await dora.count()).body as number
    await dora.create({ graph_id: 'writer' })
    expect((await dora.count()).body).toBe(count + 1)
    expect(await refusalOf(dora.update(id, { name: 'mine' }))).toBe('not-found')
    expect(await refusalOf(dora.delete(id))).toBe('not-found')
  })

  test('are not what a user says is one', async () => {
    const authorizer = await open('typescript.json', { SEE_SYSTEM_ASSISTANTS: 'yes' })
    const claimed = { graph_id: 'writer', metadata: { created_by: 'system', a: 1 } }
    const { body } = await as(authorizer, 'eve').create(claimed)
    const { assistant_id: id } = body as { assistant_id: string }
    expect(body).toMatchObject({ metadata: { a: 1, owner: 'eve' } })
    await as(authorizer, 'eve').update(id, { metadata: { created_by: 'system' } })
    expect((await as(authorizer, 'eve').get(id)).body).not.toMatchObject({
      metadata: { created_by: 'system' },
    })
    expect(await refusalOf(as(authorizer, 'dora').get(id))).toBe('not-found')
  })
})
