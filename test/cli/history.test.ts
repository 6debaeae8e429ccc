// Asking the past from a shell, and taking it back: log, diff, blame, why, impact, revert, against a real registry and a
// runner that follows it.
import { writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { until } from '../faults/until.js'
import type { HttpService } from '../http/service.js'
import { descriptorNamed } from '../support/descriptor.js'
import { startTcpProxy } from '../support/tcp-proxy.js'
import { type Command, hasTerminal, linesOf, rowsOf, withoutEscapes } from './assistants.js'
import { betweenUsAnd } from './between.js'
import { BANNED, type Runner, type Stage, startRunner, startStage } from './stage.js'

jest.setTimeout(60_000)

const PROMPT = 'You write posts for a blog about tea, and you never exaggerate.'

let stage: Stage
let http: HttpService
let command: Command
let made: Stage['made']
let changed: Stage['changed']
let shown: Stage['shown']
let runner: Runner
/** An assistant with a past; the tests that change one make their own. */
let blog: { id: string; name: string }

beforeAll(async () => {
  stage = await startStage({ PROTECTED_ENVIRONMENTS: 'staging' })
  ;({ http, command, made, changed, shown } = stage)
  runner = await startRunner(stage)
  const descriptor = descriptorNamed('writer')
  await http.service.bus.send('graphs.register', { graph_id: 'writer', runner: 'eu', descriptor })
  blog = await made({ model: 'one', prompt: PROMPT, tools: ['search'] })
  await changed(
    blog.id,
    { context: { model: 'two', prompt: PROMPT.replace('blog', 'journal'), tools: ['files', 'search'] } },
    { 'x-actor': 'bob', 'x-reason': 'for spring' },
  )
  await changed(blog.id, { metadata: { team: 'press' } }, { 'x-actor': 'eve' }, '?promote_to=staging')
}, 90_000)
afterAll(async () => {
  await runner?.close()
  await stage?.stop()
}, 30_000)

describe('log', () => {
  test('shows what happened, newest first, to one or to all', async () => {
    const { stdout } = await command.run(['log', blog.name])
    const rows = rowsOf(stdout).map(([position, , who, , type, version, environment, , why]) => {
      expect(position).toMatch(/^@\d+$/)
      return [who, type, version, environment, why]
    })
    expect(rows).toEqual([
      ['eve', 'VersionPromoted', '1.3', 'staging', ''],
      ['eve', 'ConfigChanged', '1.3', '', ''],
      ['bob', 'VersionPromoted', '1.2', 'live', 'for spring'],
      ['bob', 'ConfigChanged', '1.2', '', 'for spring'],
      ['ann', 'AssistantCreated', '1.1', 'live', ''],
    ])
    const [newest] = await command.json(['log', '--limit', '1'])
    expect(BigInt(newest.position)).toBeGreaterThanOrEqual(BigInt(rowsOf(stdout)[0]?.[0]?.slice(1) ?? '0'))
  })

  test.each([
    [['--by', 'bob', '--type', 'changed,created'], ['ConfigChanged 2']],
    [['--environment', 'staging'], ['VersionPromoted 3']],
    [['--reason', 'SPRING', '--type', 'promoted'], ['VersionPromoted 2']],
    [['--until', '2 hours ago'], []],
    [
      ['--since', '2 hours ago', '--graph', 'writer', '--limit', '2'],
      ['VersionPromoted 3', 'ConfigChanged 3'],
    ],
  ])('is narrowed by %j', async (options, expected) => {
    const entries = await command.json(['log', blog.id, ...options])
    expect(entries.map(({ type, version }) => `${type} ${version}`)).toEqual(expected)
  })

  test('goes through the pages of a long past, as far as it is asked to', async () => {
    const { id } = await made({ model: 'one' })
    for (let n = 0; n < 110; n++) await changed(id, { description: `the ${n}th` }, {}, '?promote=false')
    const all = await command.json(['log', id, '--limit', 'all'])
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: 111 }, (_, n) => 111 - n))
    const some = await command.run(['log', id, '-n', '110'])
    expect([linesOf(some.stdout).length, some.stderr]).toEqual([
      110,
      expect.stringContaining('more than these 110'),
    ])
    const whole = await command.run(['log', id, '-n', '111'])
    expect([linesOf(whole.stdout).length, whole.stderr]).toEqual([111, ''])
  })

  test('tells what runners reported, where it is asked to', async () => {
    await until(
      'the report of the runner',
      10_000,
      () => command.json(['log', blog.id, '--type', 'reported']),
      (entries) =>
        entries.some(({ reports }) => reports.some((one: { version: number }) => one.version === 2)),
    )
    expect((await command.run(['log', '--receipts'])).code).toBe(2)
  })

  test('--follow shows what came last, then what comes, once each, also through a cut', async () => {
    const { id } = await made({ model: 'one' })
    const { hostname: host, port } = new URL(http.url)
    const proxy = await startTcpProxy({ host, port: Number(port) })
    const url = `http://127.0.0.1:${proxy.port}`
    const following = command.start(['log', id, '--follow', '--json', '--url', url])
    const lines: { version: number; type: string }[] = []
    let said = ''
    following.stderr?.on('data', (part) => {
      said += part
    })
    createInterface({ input: following.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      lines.push(JSON.parse(line)),
    )
    const seen = (count: number) =>
      until(
        'the changes',
        15_000,
        () => lines.length,
        (many) => many >= count,
      )
    try {
      await seen(1)
      await changed(id, { name: 'two' }, {}, '?promote=false')
      await made({ model: 'one' })
      await seen(2)
      proxy.cut()
      await until(
        'the cut noticed',
        10_000,
        () => said,
        (text) => text.includes('the service is away'),
      )
      await changed(id, { name: 'three' }, {}, '?promote=false')
      proxy.heal()
      await seen(3)
      await changed(id, { name: 'four' }, {}, '?promote=false')
      await seen(4)
      expect(lines.map(({ type, version }) => `${type} ${version}`)).toEqual([
        'AssistantCreated 1',
        'ConfigChanged 2',
        'ConfigChanged 3',
        'ConfigChanged 4',
      ])
      expect(said).toContain('the service is back')
      const over = new Promise((resolve) => following.once('exit', resolve))
      following.kill('SIGINT')
      expect(await over).toBe(130)
    } finally {
      following.kill('SIGKILL')
      await proxy.close()
    }
  })

  test('--follow shows once what comes while it reads what was', async () => {
    const { id } = await made({ model: 'one' })
    const between = createServer(async (incoming, outgoing) => {
      if (incoming.url?.includes('/history')) await changed(id, { name: 'two' }, {}, '?promote=false')
      const { headers } = incoming
      request(http.url + incoming.url, { headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      }).end()
    })
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`
    const following = command.start(['log', id, '--follow', '--json', '--url', url])
    try {
      const types: string[] = []
      for await (const line of createInterface({ input: following.stdout as NodeJS.ReadableStream })) {
        const { type, version } = JSON.parse(line)
        types.push(`${type} ${version}`)
        if (types.length === 2) await changed(id, { name: 'three' }, {}, '?promote=false')
        if (types.length === 3) break
      }
      expect(types).toEqual(['AssistantCreated 1', 'ConfigChanged 2', 'ConfigChanged 3'])
    } finally {
      following.kill('SIGKILL')
      between.closeAllConnections()
      between.close()
    }
  })
})

describe('one that was deleted', () => {
  test('is named by its last name in questions of the past, and by no other command', async () => {
    const { id } = await made({ model: 'one' })
    const name = `Late ${id}`
    await changed(id, { name })
    const then = new Date().toISOString()
    await http.send('DELETE', `/assistants/${id}`)
    const entries = await command.json(['log', name])
    expect(entries.map(({ assistant_id, type }) => [assistant_id, type])[0]).toEqual([id, 'AssistantDeleted'])
    expect((await command.json(['show', name, '--at', then]))[0]).toMatchObject({ assistant_id: id, name })
    expect((await command.json(['show', name, '--version', '1.1']))[0]).toMatchObject({ assistant_id: id })
    expect((await command.json(['blame', id.slice(0, 13), 'name', '--of', '2']))[0].value).toBe(name)
    const now = await command.run(['show', name])
    expect([now.code, now.stderr]).toEqual([1, expect.stringContaining('there is no assistant')])
  })
})

describe('the beginning of an id', () => {
  test('is enough where only one begins so', async () => {
    const { id } = await made({ model: 'one' })
    for (const begun of [id.slice(0, 12), id.slice(0, 9).toUpperCase(), id.slice(0, -1)])
      expect((await command.json(['show', begun]))[0].assistant_id).toBe(id)
    const twins = ['1', '2'].map((last) => `feedbeef-0000-4000-8000-00000000000${last}`)
    for (const assistant_id of twins)
      await http.send('POST', '/assistants', { graph_id: 'writer', assistant_id })
    const both = await command.run(['show', 'feedbeef'])
    expect([both.code, both.stdout]).toEqual([1, ''])
    for (const twin of twins) expect(both.stderr).toContain(twin)
    expect((await command.run(['show', 'feedbee1'])).stderr).toContain('there is no assistant "feedbee1"')
  })
})

describe('runners that the service has not heard', () => {
  test('are not said to be on it, nor to be well', async () => {
    await until(
      'the runner on it',
      10_000,
      () => command.run(['fleet', blog.id]),
      ({ code }) => code === 0,
    )
    const between = createServer((incoming, outgoing) => {
      const { headers, method = 'GET' } = incoming
      const onward = request(http.url + incoming.url, { method, headers }, async (answer) => {
        const parts: Buffer[] = []
        for await (const part of answer) parts.push(part)
        const { 'content-length': _, ...others } = answer.headers
        outgoing.writeHead(answer.statusCode ?? 500, others)
        outgoing.end(Buffer.concat(parts).toString('utf8').replaceAll('"state":"live"', '"state":"unheard"'))
      })
      incoming.pipe(onward)
    })
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`
    try {
      const fleet = await command.run(['fleet', blog.id, '--url', url])
      expect([fleet.code, fleet.stderr]).toEqual([
        3,
        expect.stringContaining('not heard of since the service started: eu'),
      ])
      const path = join(command.home, 'langgraph.json')
      await writeFile(path, JSON.stringify({ graphs: { writer: 'writer:graph' } }))
      const found = await command.json(['doctor', path, '--url', url])
      expect(found.find(({ what }) => what === 'runners of writer')).toMatchObject({
        state: 'awaited',
        detail: expect.stringContaining('none is live: eu (environment live, state unheard)'),
      })
    } finally {
      between.closeAllConnections()
      between.close()
    }
  })
})

describe('diff', () => {
  test('of versions, environments, times and positions', async () => {
    const then = new Date().toISOString()
    const { stdout } = await command.run(['diff', blog.name, '1', '2'])
    expect(linesOf(stdout)).toEqual([
      expect.stringMatching(/^--- version 1\.1 \(ann, \d{4}-.*\)$/),
      expect.stringMatching(/^\+\+\+ version 1\.2 \(bob, .*: for spring\)$/),
      'context.model: "one" → "two"',
      'context.prompt:',
      '  You write posts for a [-blog-]{+journal+} about tea, and you never exaggerate.',
      'context.tools: {+files+}',
    ])
    const [of] = await command.json(['diff', blog.id, 'live', 'staging'])
    expect([of.from.version, of.to.version, of.text]).toEqual([2, 3, 'metadata.team: {+"press"+}'])
    const [{ position }] = await command.json(['log', blog.id, '--type', 'created'])
    const [at] = await command.json(['diff', blog.id, `@${position}`, then])
    expect([at.from.version, at.to.version]).toEqual([1, 2])
    expect((await command.json(['diff', blog.id, then, '--environment', 'staging']))[0].to.version).toBe(2)
  })

  test('of what is the same, of what never was, and of what cannot be meant', async () => {
    const same = await command.run(['diff', blog.id, 'live'])
    expect([same.code, same.stdout, same.stderr]).toEqual([0, '', expect.stringContaining('say the same')])
    const before = await command.run(['diff', blog.id, '2 hours ago', 'live'])
    expect([before.code, before.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: diff: .*did not exist at .*; it was created at .*; assistants log shows/,
      ),
    ])
    expect((await command.run(['diff', blog.id, 'some other day', 'live'])).code).toBe(2)
    const nowhere = await command.run(['diff', blog.id, 'nowhere'])
    expect(nowhere.stderr).toContain("'nowhere' is not declared")
  })

  ;(hasTerminal ? test : test.skip)('is coloured on a terminal, word by word', async () => {
    const { stdout } = await command.terminal(['diff', blog.id, '1', '2'])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: red and crossed out, green and underlined
    expect(stdout).toMatch(/\u001b\[\S*9m\S*blog\u001b\S*\u001b\[\S*4m\S*journal\u001b/)
    expect(withoutEscapes(stdout)).toContain('  You write posts for a blogjournal about tea')
  })
})

describe('blame', () => {
  test('names for each field the version that set it, by whom, when and why', async () => {
    const { stdout } = await command.run(['blame', blog.name, '--of', 'staging'])
    const rows = rowsOf(stdout).map(([field, , version, , who, why]) => [field, version, who, why])
    expect(rows).toEqual(
      expect.arrayContaining([
        ['context.model', '1.2', 'bob', 'for spring'],
        ['metadata.team', '1.3', 'eve', ''],
        ['graph_id', '1.1', 'ann', ''],
      ]),
    )
    // Of the two copies of the context there is only the one.
    expect(rows.some(([field]) => field?.startsWith('config.configurable'))).toBe(false)
  })

  test('of one field, named as a path or as a pointer', async () => {
    for (const path of ['context.tools', '/context/tools']) {
      const fields = await command.json(['blame', blog.id, path])
      expect(fields).toMatchObject([{ pointer: '/context/tools', value: ['files', 'search'], version: 2 }])
    }
    const none = await command.run(['blame', blog.id, 'context.nothing'])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no field at context.nothing')])
  })
})

describe('why', () => {
  test('tells from the metadata of a run the content, author, reason and receipts behind it', async () => {
    const held = await until(
      'the runner on it',
      10_000,
      () => runner.get(blog.id),
      (assistant) => assistant.version === 2,
    )
    const { metadata } = held.answer.runOptions()
    const run = join(command.home, 'run.json')
    await writeFile(run, JSON.stringify({ id: '4711', extra: { metadata } }))
    for (const [args, options] of [
      [[run], {}],
      [['-'], { input: JSON.stringify(metadata) }],
      [['-'], { input: JSON.stringify({ output: 'tea', ref: metadata.assistant_ref }) }],
      [[JSON.stringify(metadata)], {}],
    ] as const) {
      const [why] = await command.json(['why', ...args], options)
      expect(why).toMatchObject({
        ref: held.answer.ref,
        version: 2,
        content: { context: { model: 'two' } },
        matches: true,
        made: { actor: { id: 'bob' }, reason: 'for spring' },
        promotions: [{ type: 'VersionPromoted', environment: 'live' }],
      })
      expect(why.reports).toMatchObject([{ runner: 'eu', status: 'active', version: 2 }])
    }
    const { stdout } = await command.run(['why', held.answer.ref])
    expect(stdout).toContain('made by: bob (claimed, not verified)\n')
    expect(stdout).toContain('why: for spring\n')
    expect(stdout).toContain('content: the very one that ran\n  graph_id: writer\n')
    const [promoted] = await command.json(['log', blog.id, '--type', 'promoted', '--environment', 'live'])
    expect(stdout).toContain(`\neu\tlive\tactive\t@${promoted.position}\t`)
  })

  test('finds a run of an earlier life, and says of another content that it is one', async () => {
    const { id, name } = await made({ model: 'first' })
    await http.send('DELETE', `/assistants/${id}`)
    await http.send('POST', '/assistants', {
      assistant_id: id,
      graph_id: 'writer',
      name,
      context: { model: 'now' },
    })
    const entries = await command.json(['log', id, '--type', 'created'])
    const [, first] = entries.map(({ ref }) => ref)
    const hash = first.split('#')[1]
    const metadata = { assistant_id: id, assistant_version: 1, assistant_hash: hash }
    const [why] = await command.json(['why', JSON.stringify(metadata)])
    expect([why.generation, why.content.context, why.matches]).toEqual([1, { model: 'first' }, true])
    const forged = await command.run(['why', first.replace(hash, '0123456789abcdef')])
    expect([forged.code, forged.stdout]).toEqual([3, expect.stringContaining('not the one that ran')])
    const unknown = await command.run(['why', 'Blog'])
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringMatching(/"Blog" is neither a reference nor a file; a reference is like .*@1\.3#/),
    ])
    const nothing = await command.run(['why', '{"thread_id":"1"}'])
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no assistant_ref')])
  })
})

describe('impact', () => {
  test('tells what would change, whom it would reach, who would refuse it, and appends nothing', async () => {
    const { id } = await made({ model: 'one' })
    await changed(id, { context: { model: BANNED } })
    await until(
      'the refusal',
      10_000,
      async () => (await http.send('GET', `/assistants/${id}/receipts`)).body.rejected,
      (rejected: unknown[]) => rejected.length === 1,
    )
    await http.send('POST', `/assistants/${id}/rollback`, {})
    const before = await command.json(['log', id])
    const foreseen = await command.run(['impact', id, '--version', '2', '--json'])
    expect(foreseen.code).toBe(3)
    expect(JSON.parse(foreseen.stdout)).toMatchObject({
      decision: { type: 'promoted' },
      from: expect.stringMatching(/@1\.1#/),
      to: expect.stringMatching(/@1\.2#/),
      text: `context.model: "one" → "${BANNED}"`,
      reached: [{ runner: 'eu' }],
      would_refuse: [{ runner: 'eu', reason: expect.stringContaining('not allowed here') }],
    })
    const { stdout } = await command.run(['impact', id, '--version', '2'])
    expect(stdout).toMatch(/^would be promoted to live: .*@1\.2#/)
    expect(stdout).toContain('1 runner would get it: eu\n')
    expect(stdout).toMatch(/eu would refuse it, as it did at .*: .*not allowed here/)
    expect(await command.json(['log', id])).toEqual(before)
  })

  test('of another environment, of what is there already, and of what there is not', async () => {
    const [to] = await command.json(['impact', blog.id, '--version', '1', '--environment', 'staging'])
    expect(to).toMatchObject({ decision: { type: 'promoted' }, reached: [], shown_in: [] })
    const already = await command.run(['impact', blog.id, '--from', 'live'])
    expect([already.code, already.stdout]).toEqual([0, expect.stringContaining('would change nothing')])
    const none = await command.run(['impact', blog.id, '--version', '9'])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('Version 9 not found')])
    expect((await command.run(['impact', blog.id])).code).toBe(2)
  })

  test('tells what the schemas do not allow, and that the service would refuse it for that', async () => {
    const { id } = await made({ model: 'one' })
    await changed(id, { context: { model: 7 } }, {}, '?promote=false')
    const noted = await command.run(['impact', id, '--version', '2'])
    expect([noted.code, linesOf(noted.stdout)]).toEqual([
      3,
      expect.arrayContaining([
        expect.stringMatching(/^would be promoted to live: /),
        'the schema does not allow /context/model: must be string',
      ]),
    ])
    const refused = await command.run(['impact', id, '--version', '2', '--environment', 'staging'])
    expect([refused.code, refused.stdout]).toEqual([
      3,
      expect.stringMatching(/^would be refused: .*must be string.* \(invalid-config\)\n/),
    ])
    expect((await shown(id, '?environment=staging')).code).toBe('not-found')
  })

  test('is answered alike over HTTP and over the bus', async () => {
    for (const query of [{ version: 1 }, { from: 'staging' }, { from: 'nowhere' }, {}, { version: 7 }]) {
      const search = new URLSearchParams(query as Record<string, string>)
      const answer = await http.send('GET', `/assistants/${blog.id}/impact?${search}`)
      const reply = await http.service.bus.send('impact', { assistant_id: blog.id, ...query })
      expect([answer.status, answer.body.code ?? answer.body]).toEqual([
        reply.status,
        (reply.body as { code?: string }).code ?? reply.body,
      ])
    }
  })

  test('of a content that nobody has saved yet is what its update then finds', async () => {
    const { id } = await made({ model: 'one' })
    const before = await command.json(['log', id])
    const foresee = async (body: object) => {
      const answer = await http.send('POST', `/assistants/${id}/impact`, body)
      const reply = await http.service.bus.send('impact', { assistant_id: id, ...body })
      expect([answer.status, answer.body]).toEqual([reply.status, reply.body])
      return answer.body
    }
    const content = { context: { model: 7 }, metadata: { team: 'press' } }
    const foreseen = await foresee(content)
    expect(foreseen).toMatchObject({
      decision: { type: 'promoted' },
      to: expect.stringMatching(/@1\.2#/),
      text: 'context.model: "one" → 7\nmetadata.team: {+"press"+}',
      reached: [{ runner: 'eu' }],
      violations: [{ pointer: '/context/model', message: 'must be string' }],
    })
    const refused = await foresee({ ...content, environment: 'staging' })
    expect(refused).toMatchObject({
      decision: { type: 'refused', refusal: { code: 'invalid-config' } },
      from: null,
      reached: [],
    })
    for (const [body, code] of [
      [{ ...content, version: 1 }, 'invalid-request'],
      [{ config: { configurable: { a: 1 } }, context: { a: 1 } }, 'config-and-context'],
      [{ context: {}, environment: 'nowhere' }, 'unknown-environment'],
    ] as const)
      expect((await foresee(body)).code).toBe(code)
    expect(await command.json(['log', id])).toEqual(before)

    // An edit is told the same before it is done.
    const env = { EDITOR: "sed -i 's/model: one/model: 7/'" }
    const { code, stderr } = await command.run(['edit', id, '--reason', 'x', '--to', 'staging'], { env })
    expect([code, linesOf(stderr)]).toEqual([
      1,
      [
        expect.stringMatching(/^impact: would be refused: .* \(invalid-config\)$/),
        'impact: in place of nothing in staging',
        'impact: no runner would get it',
        'impact: the schema does not allow /context/model: must be string',
        expect.stringContaining('your text is in'),
      ],
    ])

    expect((await changed(id, content, {}, '?promote_to=staging')).body.code).toBe('invalid-config')
    await changed(id, content)
    const [made2] = await command.json(['log', id, '--type', 'changed'])
    expect(foreseen.to.startsWith(made2.ref)).toBe(true)
  })
})

describe('revert', () => {
  test('makes a version with the content that was, and changes nothing of what was recorded', async () => {
    const { id, name } = await made({ model: 'one', prompt: 'Write.' }, { description: 'Posts' })
    await changed(id, { context: { model: 'two' }, description: 'Other posts', metadata: { team: 'press' } })
    const before = await command.json(['log', id])
    const { code, stdout } = await command.run([
      ...['revert', name, '--to', '1', '--yes', '--wait', '--reason', 'it was better'],
    ])
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${name}: version 3 is in live\n`)])
    expect(stdout).toContain('    context.model: "two" → "one"\n')
    expect(stdout).toContain('metadata.team stays')
    expect(await shown(id)).toMatchObject({
      version: 3,
      description: 'Posts',
      context: { model: 'one', prompt: 'Write.' },
      metadata: { team: 'press' },
    })
    const after = await command.json(['log', id])
    expect(after.slice(2)).toEqual(before)
    expect(after[1]).toMatchObject({ type: 'ConfigChanged', reason: 'it was better', actor: { id: 'ada' } })
    const again = await command.run(['revert', id, '--to', '1', '--yes'])
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('like that already')])
    expect(await command.json(['log', id])).toEqual(after)
  })

  test('takes a description away again, and ends with 3 when the runners are not on it', async () => {
    const { id, name } = await made({ model: BANNED })
    await changed(id, { description: 'Later', context: { model: 'two' } })
    const { code, stdout, stderr } = await command.run(['revert', id, '--to', '1', '--yes', '--wait', '5'])
    expect([code, stderr]).toEqual([3, expect.stringContaining(`${name}: not converged`)])
    expect(stdout).toContain('description: "Later" → null')
    expect((await shown(id)).description || null).toBeNull()
  })

  test('what ends it all says what was done and what was not', async () => {
    const [one, two] = [await made({ model: 'one' }), await made({ model: 'one' })]
    for (const { id } of [one, two]) await changed(id, { context: { model: 'two' } })
    const between = await betweenUsAnd(http.url, [{}, {}, {}, {}], {
      status: 401,
      body: { detail: 'Who are you?' },
    })
    const args = ['revert', one.id, two.id, '--to', '1', '--yes', '--json', '--url', between.url]
    const { code, stdout } = await command.run(args)
    await between.close()
    const outcomes = linesOf(stdout).map((line) => JSON.parse(line).outcome)
    expect([code, outcomes]).toEqual([1, ['failed', 'not tried']])
  })

  test('of a set at once, to a time; what was not there then, or is refused, is told', async () => {
    const [one, two] = [await made({ model: 'one' }), await made({ model: 'one' })]
    const then = new Date().toISOString()
    for (const { id } of [one, two]) await changed(id, { context: { model: 'two' } })
    const late = await made({ model: 'one' })
    const never = await command.run(['revert', one.id, late.id, '--to', then, '--yes'])
    expect([never.code, never.stderr]).toEqual([1, expect.stringContaining('did not exist at')])
    expect(await shown(one.id)).toMatchObject({ version: 2 })
    const done = await command.json([
      'revert',
      one.id,
      two.id,
      two.name,
      '--to',
      then,
      '--yes',
      '--promote-to',
      'staging',
    ])
    expect(done).toMatchObject([
      { assistant_id: one.id, outcome: 'done', version: 3 },
      { assistant_id: two.id, outcome: 'done', version: 3 },
    ])
    expect(done).toHaveLength(2)
    expect(await shown(one.id)).toMatchObject({ version: 2 })
    expect(await shown(one.id, '?environment=staging')).toMatchObject({
      version: 3,
      context: { model: 'one' },
    })
    await command.json(['revert', one.id, '--to', '1', '--yes', '--environment', 'staging'])
    expect([(await shown(one.id)).version, await shown(one.id, '?environment=staging')]).toMatchObject([
      2,
      { version: 4, context: { model: 'one' } },
    ])
    const nowhere = await command.run([
      ...['revert', one.id, two.id, '--to', '1', '--yes', '--promote-to', 'nowhere', '--json'],
    ])
    expect(nowhere.code).toBe(1)
    expect(linesOf(nowhere.stdout).map((line) => JSON.parse(line).outcome)).toEqual(['failed', 'failed'])
  })

  test('promotes the version in live where that has the content already', async () => {
    const { id, name } = await made({ model: 'one' })
    const args = ['revert', id, '--to', '1', '--yes', '--promote-to', 'staging']
    const { code, stdout } = await command.run(args)
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${name}: version 1 is in staging\n`)])
    expect(stdout).toContain('    context.model: {+"one"+}\n')
    expect(await shown(id, '?environment=staging')).toMatchObject({ version: 1 })
    expect((await command.run(args)).stdout).toContain('like that already')
    expect((await command.json(['log', id])).map(({ type }) => type)).toEqual([
      'VersionPromoted',
      'AssistantCreated',
    ])
  })

  test('asks first where somebody is there, and wants --yes where nobody is', async () => {
    const { id, name } = await made({ model: 'one' })
    await changed(id, { context: { model: 'two' } })
    const piped = await command.run(['revert', id, '--to', '1'])
    expect([piped.code, piped.stderr]).toEqual([2, expect.stringContaining('give --yes')])
    if (!hasTerminal) return
    const asked = /make this version\? \[y\/N\] $/
    const not = await command.terminal(['revert', name, '--to', '1'], { answers: [[asked, 'n\n']] })
    expect([not.code, (await shown(id)).version]).toEqual([1, 2])
    expect(withoutEscapes(not.stdout)).toContain('context.model: "two" → "one"')
    const why = /reason \(empty: none\): $/
    const yes = await command.terminal(['revert', name, '--to', '1'], {
      answers: [
        [asked, 'y\n'],
        [why, 'it was better\n'],
      ],
    })
    expect([yes.code, (await shown(id)).context]).toEqual([0, { model: 'one' }])
    // Ctrl-D is no answer.
    const left = await command.terminal(['rollback', id], { answers: [[why, '\u0004']] })
    expect([left.code, left.stdout]).toEqual([1, expect.stringContaining('nothing was changed')])
    expect((await command.terminal(['rollback', id], { answers: [[why, '\n']] })).code).toBe(0)
    const [back, again] = await command.json(['log', id])
    expect([back.reason, again]).toEqual([undefined, expect.objectContaining({ reason: 'it was better' })])
  })

  ;(hasTerminal ? test : test.skip)('leaves alone what somebody changed while it asked', async () => {
    const [one, two] = [await made({ model: 'one' }), await made({ model: 'one' })]
    for (const { id } of [one, two]) await changed(id, { context: { model: 'two' } })
    const meanwhile = async () => {
      await changed(one.id, { context: { model: 'three' } })
      return 'y\n'
    }
    const args = ['revert', one.id, two.id, '--to', '1', '--reason', 'x']
    const { code, stdout } = await command.terminal(args, {
      answers: [[/make these 2 versions\? \[y\/N\] $/, meanwhile]],
    })
    expect([code, withoutEscapes(stdout)]).toEqual([
      4,
      expect.stringContaining(`${one.name}: failed: revert ${one.name}: `),
    ])
    expect(await shown(one.id)).toMatchObject({ version: 3, context: { model: 'three' } })
    expect(await shown(two.id)).toMatchObject({ version: 3, context: { model: 'one' } })
  })
})
