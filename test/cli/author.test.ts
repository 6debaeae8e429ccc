// Making, changing, promoting and deleting assistants from a shell, against a real registry and a runner that follows it.
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { followAssistants } from '@assistant-ledger/client'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { until } from '../faults/until.js'
import type { HttpService } from '../http/service.js'
import { type Command, linesOf, rowsOf } from './assistants.js'
import { BANNED, type Runner, type Stage, startRunner, startStage } from './stage.js'

jest.setTimeout(60_000)

const NOWHERE = '00000000-0000-4000-8000-000000000000'

let stage: Stage
let http: HttpService
let command: Command
let made: Stage['made']
let shown: Stage['shown']
let runner: Runner

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command, made, shown } = stage)
  runner = await startRunner(stage)
}, 90_000)
afterAll(async () => {
  await runner?.close()
  await stage?.stop()
}, 30_000)

describe('an assistant', () => {
  test('is made from options, found, shown as text and as it was in a version', async () => {
    const name = `Blog ${randomUUID()}`
    const prompt = join(command.home, 'prompt.txt')
    await writeFile(prompt, 'Write a post.\nBe short.\n')
    const [assistant] = await command.json([
      'create',
      name,
      ...['--graph', 'writer', '--set', 'context.model=sample-1', '--set', 'config.recursion_limit=7'],
      ...['--set-file', `context.prompt=${prompt}`, '--description', 'Posts', '--reason', 'über alles'],
    ])
    expect(await shown(assistant.assistant_id)).toEqual(assistant)
    expect(assistant).toMatchObject({
      name,
      description: 'Posts',
      config: { recursion_limit: 7 },
      context: { model: 'sample-1', prompt: 'Write a post.\nBe short.' },
    })
    const { body: standing } = await http.send('GET', `/assistants/${assistant.assistant_id}/receipts`)
    expect(standing).toMatchObject({ reason: 'über alles', promoted_by: { id: 'ada', verified: false } })

    const [row] = rowsOf((await command.run(['search', name.toUpperCase()])).stdout)
    expect(row).toEqual([assistant.assistant_id, name, 'writer', '1', assistant.updated_at])
    const [listed] = await command.json(['list', '--graph', 'writer', '--limit', '1', '--sort', 'created_at'])
    expect(listed.assistant_id).toBe(assistant.assistant_id)

    await http.send('PATCH', `/assistants/${assistant.assistant_id}`, { name: 'later' })
    const { stdout } = await command.run(['show', assistant.assistant_id, '--version', '1.1'])
    expect(stdout).toContain(`assistant_id: ${assistant.assistant_id}\nversion: 1\ngeneration: 1\n`)
    expect(stdout).toContain('prompt: |-\n    Write a post.\n    Be short.\n')
    expect(stdout).not.toContain('configurable')
  })

  test('is shown as it was, at a time or at a position', async () => {
    const { id } = await made({ model: 'sample-1' })
    const { headers } = await http.send('GET', `/assistants/${id}`)
    const position = headers.get('ledger-position') ?? ''
    const then = new Date().toISOString()
    await http.send('PATCH', `/assistants/${id}`, { name: 'later' })
    for (const which of [
      ['--at', then],
      ['--position', position],
    ])
      expect((await command.json(['show', id, ...which]))[0]).toMatchObject({ version: 1 })
    expect((await command.json(['show', id, '--at', 'now']))[0]).toMatchObject({ version: 2 })
    for (const [which, said] of [
      [['--at', '2 hours ago'], /did not exist at/],
      [['--at', 'in 1 hour'], /is yet to come: it is .*; the log ends at position \d+\n$/],
      [['--position', '99999999'], /^error: .*Position 99999999 is beyond the end of the log, \d+\n$/],
    ] as const)
      expect(await command.run(['show', id, ...which])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(said),
      })
  })

  test('can be given back as it was shown, and is then another one like it', async () => {
    const { id, name } = await made({ model: 'sample-1', tools: ['a', 'b'] })
    const text = (await command.run(['show', id])).stdout
    const [copy] = await command.json(['create', '-f', '-'], { input: text })
    expect(copy.assistant_id).not.toBe(id)
    expect(copy).toMatchObject({ name, context: { model: 'sample-1', tools: ['a', 'b'] } })
  })

  test('can be given back as JSON too, with the context changed in one of the two places that have it', async () => {
    const { id, name } = await made({ model: 'sample-1' })
    const [answer] = await command.json(['show', id])
    const input = JSON.stringify({ ...answer, context: { model: 'sample-1', temperature: 0.2 } })
    expect((await command.run(['update', id, '-f', '-'], { input })).code).toBe(0)
    expect((await shown(id)).context).toEqual({ model: 'sample-1', temperature: 0.2 })
    const [copy] = await command.json(['create', `Copy of ${name}`, '-f', '-'], {
      input: JSON.stringify(answer),
    })
    expect(copy).toMatchObject({ config: { configurable: answer.context }, context: answer.context })
  })

  test('that was imported with config.configurable alone is changed by its context', async () => {
    const id = randomUUID()
    const at = '2026-01-01T00:00:00Z'
    const configurable = { prompt: 'one', model: 'sample-1' }
    const version = {
      version: 1,
      created_at: at,
      graph_id: 'writer',
      name: 'Moved',
      config: { configurable },
    }
    const life = { assistant_id: id, from: 'http://127.0.0.1:2024', versions: [version] }
    const moved = { ...life, live: { version: 1, updated_at: at } }
    expect((await http.send('POST', '/admin/import/assistant', moved)).status).toBe(200)
    expect(await shown(id)).toMatchObject({ config: { configurable }, context: {} })
    const { code, stdout } = await command.run(['update', id, '--set', 'context.prompt=two'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('context.prompt: "one" → "two"')])
    expect((await shown(id)).context).toEqual({ ...configurable, prompt: 'two' })
  })

  test('is meant by its id, by a name that only one has, or by a graph', async () => {
    const { id, name } = await made()
    expect((await command.json(['show', name]))[0].assistant_id).toBe(id)
    expect((await command.json(['show', name.toLowerCase()]))[0].assistant_id).toBe(id)
    const [system] = await command.json(['show', 'writer'])
    expect(system.metadata).toEqual({ created_by: 'system' })

    const { body: twin } = await http.send('POST', '/assistants', { graph_id: 'writer', name })
    const several = await command.run(['show', name])
    expect(several).toMatchObject({ code: 1, stdout: '' })
    expect(linesOf(several.stderr)).toHaveLength(1)
    for (const one of [id, twin.assistant_id])
      expect(several.stderr).toMatch(
        new RegExp(`${one} \\(${name}, writer, version 1, changed \\d{4}-\\S+Z\\)`),
      )
    const third = await command.run(['create', name, '--graph', 'writer'])
    expect([third.code, third.stderr]).toEqual([0, expect.stringContaining('that name was there before: ')])
    for (const one of [id, twin.assistant_id]) expect(third.stderr).toContain(one)

    const close = await command.run(['show', name.slice(0, -1)])
    expect(close.code).toBe(1)
    expect(close.stderr).toMatch(new RegExp(`there is no assistant .*did you mean .*${id}`))
    const none = await command.run(['show', NOWHERE])
    expect(none).toMatchObject({ code: 1, stdout: '' })
    expect(none.stderr).toBe(
      `error: ${NOWHERE}: Assistant not found; assistants list shows those that are there\n`,
    )
  })
})

describe('update', () => {
  test('changes the places that are named, and leaves the rest', async () => {
    const { id } = await made({ model: 'sample-1', tools: ['a'], deep: { er: 1, stays: true } })
    const { code, stdout } = await command.run([
      'update',
      id,
      ...['--set', 'context.deep.er=2', '--set', 'context.tools.0=b', '--unset', 'context.model'],
      ...['--set', 'metadata.team={name: press}'],
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('context.deep.er: 1 → 2')
    expect(await shown(id)).toMatchObject({
      version: 2,
      context: { tools: ['b'], deep: { er: 2, stays: true } },
      metadata: { team: { name: 'press' } },
    })
    const again = await command.run(['update', id, '--set', 'context.deep.er=2'])
    expect(again).toMatchObject({ code: 0, stdout: '' })
    expect((await shown(id)).version).toBe(2)
  })

  test('promotes the version in live where another environment shows something else', async () => {
    const { id, name } = await made({ model: 'sample-1' })
    const args = ['update', id, '--set', 'context.model=sample-1', '--to', 'staging']
    const { code, stdout } = await command.run(args)
    expect([code, linesOf(stdout).at(-1)]).toEqual([
      0,
      `${name}: version 1, which live has already, is in staging`,
    ])
    expect(await shown(id, '?environment=staging')).toMatchObject({ version: 1 })
    const again = await command.run(args)
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('like that already in staging')])
    const nowhere = await command.run([...args.slice(0, -1), 'nowhere'])
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('no environment nowhere')])
  })

  test('a config of its own does not take the context away, and an empty description goes', async () => {
    const { id } = await made({ model: 'sample-1' })
    await command.json(['update', id, '--set', 'config.recursion_limit=9', '--description', 'some'])
    expect(await shown(id)).toMatchObject({ config: { recursion_limit: 9 }, context: { model: 'sample-1' } })
    await command.json(['update', id, '--description', ''])
    expect((await shown(id)).description || null).toBeNull()
  })

  test('refuses what cannot be meant with 2, and what was changed meanwhile with 4', async () => {
    const { id } = await made()
    for (const [args, said] of [
      [['--set', 'model=x'], /"model" is no path; one begins with one of graph_id, name/],
      [[], /nothing to change; give --set/],
      [['--to', 'live', '--no-promote'], /cannot be used with/],
    ] as const) {
      const { code, stderr } = await command.run(['update', id, ...args])
      expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
      expect(linesOf(stderr)).toHaveLength(1)
    }
    const old = await command.run(['update', id, '--name', 'x', '--if-match', '7'])
    expect([old.code, old.stderr]).toEqual([4, expect.stringContaining('somebody changed it meanwhile')])
    expect((await shown(id)).version).toBe(1)
  })
})

test('what looks like a secret is refused in words of the command, and recorded with a reason', async () => {
  const { id } = await made()
  const update = [
    'update',
    id,
    '--set',
    'context.api_key=sk-proj-1a2B3c4D5e6F7g8H9i0JkLmN',
    '--environment',
    'staging',
  ]
  for (const [args, said] of [
    [[], /to record it all the same, give --allow-secrets with --reason\n$/],
    [['--allow-secrets'], /--allow-secrets needs a --reason that says why/],
  ] as const) {
    const { code, stderr } = await command.run([...update, ...args])
    expect([code, stderr]).toEqual([1, expect.stringMatching(said)])
  }
  const { code } = await command.run([...update, '--allow-secrets', '--reason', 'a key for tests'])
  expect([code, (await shown(id)).version]).toEqual([0, 1])
  expect((await shown(id, '?environment=staging')).version).toBe(2)
  const twice = await command.run([...update, '--to', 'live'])
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('are one thing')])
})

describe('promote and rollback', () => {
  test('end with the receipt as a table: 0 when the runners are on it, 3 when one refused', async () => {
    const { id, name } = await made()
    await command.json(['update', id, '--set', 'context.model=sample-2', '--to', 'staging'])
    expect(rowsOf((await command.run(['environments', id])).stdout)).toEqual([
      ['live', '1', expect.any(String)],
      ['staging', '2', expect.any(String)],
    ])
    const promoted = await command.run(['promote', id, '--from', 'staging', '--wait', '--reason', 'why not'])
    expect(promoted.code).toBe(0)
    const [said, sum, line] = linesOf(promoted.stdout)
    expect([said, sum]).toEqual([`${name}: version 2 is in live`, '1 of 1 runners are on it'])
    expect(line).toMatch(/^eu\tactive\t\d{4}-\S+\t\d+\t\t$/)

    const refused = await command.run(['update', id, '--set', `context.model=${BANNED}`, '--wait', '5'])
    expect(refused.code).toBe(3)
    expect(refused.stdout).toContain('0 of 1 runners are on it, 1 refused: not converged')
    expect(refused.stdout).toMatch(/^eu\trefused\t\t\t@1\.2#\w+\tthe model is not allowed here$/m)
    const fleet = await command.run(['fleet', id, '--json'])
    expect(fleet.code).toBe(3)
    expect(JSON.parse(fleet.stdout)).toMatchObject({ version: 3, converged: false })

    const again = `assistant_id: ${id}\ncontext: { model: ${BANNED}, again: 1 }`
    const applied = await command.run(['apply', '-f', '-', '--wait', '5'], { input: again })
    expect([applied.code, applied.stderr]).toEqual([3, expect.stringContaining(`not converged: ${name}`)])
    await command.json(['rollback', id])

    const back = await command.run(['rollback', id, '--wait', '--replaces', '3'])
    expect([back.code, linesOf(back.stdout)[0]]).toEqual([0, `${name}: version 2 is in live again`])
    const moved = await command.run(['rollback', id, '--replaces', '3'])
    expect([moved.code, moved.stderr]).toEqual([4, expect.stringContaining('assistants environments')])
  })

  test('a guard takes the promotion back, and the exit code says so', async () => {
    const { id } = await made()
    await command.json(['update', id, '--set', `context.model=${BANNED}`, '--no-promote'])
    const guarded = await command.run(['promote', id, '--version', '2', '--within', '5', '--wait'])
    expect([guarded.code, guarded.stderr]).toEqual([3, expect.stringMatching(/^it was taken back: [^{]*\n$/)])
    expect((await shown(id)).version).toBe(1)
    const without = await command.run(['promote', id, '--version', '2', '--min-active', '50'])
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('give --within')])
    const unseen = await command.run(['promote', id, '--version', '2', '--within', '5'])
    expect([unseen.code, unseen.stderr]).toEqual([0, expect.stringContaining('guarded for 5 s')])
  })

  test('what is there already is said to be there, and changes nothing', async () => {
    const { id, name } = await made()
    const { code, stdout } = await command.run(['promote', id, '--version', '1', '--wait'])
    expect([code, linesOf(stdout).slice(0, 2)]).toEqual([
      0,
      [`${name}: version 1 was in live already, and nothing changed`, '1 of 1 runners are on it'],
    ])
  })

  test('who leaves while it is waited for is named', async () => {
    const { id } = await made()
    await command.json(['update', id, '--set', 'context.model=sample-slow', '--no-promote'])
    const slow = await followAssistants({
      servers: http.service.nats.url,
      environment: 'live',
      graphs: ['writer'],
      runner: { name: 'slow', build: 'test' },
      validate: ({ context }) => context.model !== 'sample-slow' || new Promise(() => undefined),
    })
    const names = async () =>
      (await http.send('GET', '/fleet')).body.map((one: { runner: string }) => one.runner)
    await until('the slow one there', 10_000, names, (all: string[]) => all.includes('slow'))
    const promoted = command.run(['promote', id, '--version', '2', '--wait', '20'])
    const standing = async () => (await http.send('GET', `/assistants/${id}/receipts`)).body
    await until('it lags', 10_000, standing, ({ version, active, lagging }) => {
      return version === 2 && active.length === 1 && lagging.length === 1
    })
    await slow.close()
    const { code, stdout, stderr } = await promoted
    expect([code, stdout]).toEqual([0, expect.stringContaining('1 of 1 runners are on it')])
    expect(stderr).toBe('slow ended before it was on it, and is not counted\n')
  })

  test('the fleet is followed until Ctrl-C', async () => {
    const child = command.start(['fleet', '--follow', '--json'])
    const first = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (part: Buffer) => resolve(part.toString('utf8'))),
    )
    expect(JSON.parse(first)).toMatchObject({ runner: 'eu', state: 'live', graphs: ['writer'] })
    const said: Buffer[] = []
    child.stderr?.on('data', (part: Buffer) => said.push(part))
    const code = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGINT')
    expect([await code, Buffer.concat(said).toString('utf8')]).toEqual([130, ''])
  })

  test('followed for one assistant, each line says when, and of which version', async () => {
    const { id } = await made()
    const child = command.start(['fleet', id, '--follow'])
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const rows: string[][] = []
    for await (const line of lines) {
      rows.push(line.split('\t'))
      if (rows.at(-1)?.[1] === '2') break
      if (rows.length === 1) await http.send('PATCH', `/assistants/${id}`, { description: 'x' })
    }
    child.kill('SIGKILL')
    expect([rows[0]?.[1], rows.at(-1)?.slice(1, 3)]).toEqual(['1', ['2', 'eu']])
    for (const [at] of rows) expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })
})

test('delete asks, and where nobody can be asked it needs --yes', async () => {
  const { id, name } = await made()
  const unasked = await command.run(['delete', name])
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('give --yes')])
  expect((await shown(id)).version).toBe(1)
  expect((await command.run(['delete', name, '--yes'])).stdout).toBe(`${name} (${id}) is deleted\n`)
  expect((await http.send('GET', `/assistants/${id}`)).status).toBe(404)
})

test('the fleet says when a runner left, and why', async () => {
  await runner.close()
  const { answer } = await until(
    'the runner gone',
    10_000,
    () => command.run(['fleet', '--gone']),
    (ran) => ran.stdout.includes('gone'),
  )
  const [row] = rowsOf(answer.stdout)
  expect([row?.slice(0, 2), row?.slice(-2)]).toEqual([
    ['eu', 'gone'],
    [expect.stringMatching(/^\d{4}-/), 'closed'],
  ])
})
