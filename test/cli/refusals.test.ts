// How the command ends: each exit code that is documented, with what cannot be meant, files that hold something else, and
// services that are not well. Whatever comes, it is told in one line.
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { EXIT } from '../../apps/cli/src/failure.js'
import type { HttpService } from '../http/service.js'
import { type Command, linesOf, type Ran, type RunOptions } from './assistants.js'
import { type Between, betweenUsAnd, type Ill } from './between.js'
import { type Runner, type Stage, startRunner, startStage } from './stage.js'

jest.setTimeout(60_000)

const NOWHERE = '00000000-0000-4000-8000-000000000000'
/** Nobody listens there. */
const AWAY = 'http://127.0.0.1:9'

let stage: Stage
let http: HttpService
let command: Command
let runner: Runner
let id: string

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command } = stage)
  runner = await startRunner(stage)
  id = (await stage.made()).id
}, 90_000)
afterAll(async () => {
  await runner?.close()
  await stage?.stop()
}, 30_000)

/** A file of the command's home. */
async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(command.home, name), content)
  return name
}

type Case = readonly [code: number, said: RegExp, args: readonly string[], options?: RunOptions]

/** So many run at once. */
const TOGETHER = 4

async function together<One, Result>(all: readonly One[], work: (one: One) => Promise<Result>) {
  const results: Result[] = []
  const left = [...all.entries()]
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  return results
}

/** Each ends with its code and one line that says it, and nothing else. */
async function allEnd(cases: readonly Case[]): Promise<void> {
  const ended = await together(
    cases,
    async (one): Promise<readonly [Case, Ran]> => [one, await command.run(one[2], one[3])],
  )
  for (const [[code, said, args], ran] of ended) {
    expect([args, ran.code, ran.stdout, linesOf(ran.stderr)]).toEqual([
      args,
      code,
      '',
      [expect.stringMatching(said)],
    ])
    expect(ran.stderr).not.toMatch(/a defect|^ +at /m)
  }
}

describe('exit codes', () => {
  test('each that is documented is what it is said to be', async () => {
    const page = await readFile('docs/cli.md', 'utf8')
    const documented = [...page.matchAll(/^\| (\d+) +\| /gm)].map(([, code]) => Number(code))
    expect(documented).toEqual(Object.values(EXIT))

    const { id: banned } = await stage.made()
    await stage.changed(banned, { context: { model: 'sample-banned' } }, {}, '?promote=false')
    const plan = { url: http.url, format: 1, actions: [] }
    const update = { action: 'update', assistant_id: id, name: 'x', graph_id: 'writer', changes: [] }
    const stale = { ...plan, actions: [{ ...update, body: { name: 'y' }, revision: '99', to: 'live' }] }
    const endings: readonly (readonly [number, readonly string[], RunOptions?])[] = [
      [0, ['list']],
      [0, ['show', id]],
      [0, ['diff', id, 'live', 'live']],
      [0, ['apply', '--plan', await file('nothing.json', JSON.stringify(plan))]],
      [1, ['show', NOWHERE]],
      [1, ['list', '--url', AWAY]],
      [1, ['promote', id, '--version', '9']],
      [1, ['update', id, '--graph', 'nowhere']],
      [1, ['rollback', id]],
      [2, ['show']],
      [2, ['list', '--frobnicate']],
      [2, ['promote', id]],
      [2, ['list'], { env: { ASSISTANTS_TIMEOUT: 'soon' } }],
      [2, ['list'], { env: { ASSISTANTS_CONFIG: await file('odd.yaml', 'profiles: [1]') } }],
      [2, ['create', '-f', await file('odd.json', '{')]],
      [2, ['apply', '--plan', await file('broken.plan', '{"format": 1')]],
      [2, ['apply', '--plan', await file('other.plan', '{"format": 7}')]],
      [3, ['plan', '-f', await file('new.yaml', 'graph_id: writer\nname: Never made')]],
      [3, ['promote', banned, '--version', '2', '--wait', '20']],
      [4, ['update', id, '--name', 'x', '--if-match', '7']],
      [4, ['rollback', id, '--replaces', '9']],
      [4, ['apply', '--plan', await file('stale.plan', JSON.stringify(stale))]],
    ]
    const ended = await together(endings, async ([, args, options]) => [
      (await command.run(args, options)).code,
      args,
    ])
    expect(ended).toEqual(endings.map(([code, args]) => [code, args]))
    const following = command.start(['fleet', '--follow'])
    const over = new Promise((resolve) => following.once('close', resolve))
    following.stdout?.once('data', () => following.kill('SIGINT'))
    expect([await over, new Set([...endings.map(([code]) => code), 130])]).toEqual([130, new Set(documented)])
  })
})

const withFullDisk = existsSync('/dev/full') ? test : test.skip
withFullDisk('a file that takes no more has not got all: that is said', async () => {
  const { code, stderr } = await command.line('assistants list > /dev/full', command.home)
  expect([code, stderr]).toEqual([1, expect.stringContaining('the standard output cannot be written')])
})

describe('what cannot be meant', () => {
  test('on the command line', async () => {
    const long = 'a '.repeat(50_000)
    await allEnd([
      [2, /unknown option '--\u0430ll'/, ['list', '--аll']],
      [2, /too many arguments/, ['list', 'a', 'b']],
      [2, /must be a whole number from 1/, ['list', '--limit', '-1']],
      [2, /must be a whole number from 1/, ['list', '--limit', '1e400']],
      [2, /at most 300/, ['rollback', id, '--wait', '99999999999999999999']],
      [2, /--timeout is 1 to 600 seconds/, ['list', '--timeout', 'NaN']],
      [2, /no URL of a service/, ['list', '--url', 'http://127.0.0.1:99999']],
      [2, /a user and a password is not taken/, ['list', '--url', 'http://a:b@127.0.0.1']],
      [2, /no header can carry/, ['list', '--token', 'a\nb']],
      [2, /named by its id, its name or its graph/, ['show', ' ']],
      [2, /is no time; write it as/, ['show', id, '--at', long]],
      [2, /is no time; write it as/, ['show', id, '--at', '']],
      [2, /--position is a decimal number/, ['show', id, '--position', '0x10']],
      [2, /--version is a number/, ['show', id, '--version', '1.2.3']],
      [2, /is no path; one begins with/, ['update', id, '--set', '__proto__.polluted=1']],
      [2, /"localhost:2199" is no URL of a service/, ['import', '--from', 'localhost:2199']],
      [2, /Allowed choices are log, read-model, bus, checkpoints/, ['verify', '--only', 'all']],
      [2, /--set takes path=value/, ['update', id, '--set', 'context.a']],
      [2, /there is no .* to take away/, ['update', id, '--unset', 'context.constructor']],
      [2, /It must be some of created/, ['log', '--type', 'created,exploded']],
      [2, /Allowed choices are bash, zsh, fish/, ['completion', 'tcsh']],
      [2, /1 to 64 letters/, ['profile', 'set', '../../etc', '--url', AWAY]],
      [2, /--owner has 1 to 100 letters/, ['plan', '-f', '.', '--owner', 'a b']],
      [2, /waits for the runners of an environment/, ['apply', '-f', '.', '--no-promote', '--wait']],
      [1, /reason|header|larger/i, ['update', id, '--name', 'x', '--reason', 'x'.repeat(60_000)]],
    ])
  })

  test('in files, whatever is in them', async () => {
    const home = command.home
    await mkdir(join(home, 'empty'))
    await mkdir(join(home, 'round'))
    await symlink('loop', join(home, 'loop'))
    await symlink('.', join(home, 'round', 'again'))
    await symlink('gone', join(home, 'dangling.yaml'))
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
    for (const [at, to] of [...'abcdefgh'].entries())
      if (at > 0) bomb.push(`${to}: &${to} [${`*${'abcdefgh'[at - 1]}, `.repeat(10)}]`)
    const create = (name: string) => ['create', '-f', name]
    const plan = (name: string) => ['plan', '-f', name]
    await allEnd([
      [2, /no text in UTF-8/, create(await file('latin.yaml', Buffer.from('name: \xe9', 'latin1')))],
      [2, /no text in UTF-8/, create(await file('nul.yaml', 'name: a\0b'))],
      [2, /no text in UTF-8/, ['update', id, '--set-file', 'context.prompt=latin.yaml']],
      [2, /the standard input is no text in UTF-8/, create('-'), { input: 'name: a\0b' }],
      [2, /more than 64 MiB/, create('/dev/zero')],
      [2, /Excessive alias count/, create(await file('bomb.yaml', `context:\n  ${bomb.join('\n  ')}`))],
      [2, /cannot be read: /, create(await file('round.yaml', 'context: &a\n  b: *a'))],
      [2, /cannot be read: /, create(await file('deep.yaml', `context: ${'['.repeat(100_000)}`))],
      [2, /Map keys must be unique at line 2/, create(await file('twice.yaml', 'name: a\nname: b'))],
      [2, /line 2/, create(await file('tab.yaml', 'context:\n\tmodel: x'))],
      [2, /has \.inf|has Infinity, which is no JSON/, create(await file('inf.yaml', 'context: {a: .inf}'))],
      [2, /must have fields/, create(await file('nothing.yaml', ''))],
      [2, /must have fields/, create(await file('list.yaml', '- a'))],
      [2, /several documents/, create(await file('many.yaml', 'name: a\n---\nname: b'))],
      [2, /is a folder, where a file is wanted/, create('empty')],
      [2, /leads back to itself/, create('loop')],
      [2, /there is no file or folder dangling\.yaml/, create('dangling.yaml')],
      [2, /has no \.yaml, \.yml or \.json file/, plan('empty')],
      [2, /leads back to itself|too deep/, plan('loop')],
      [2, /is too deep/, plan('round')],
      [2, /needs graph_id and name/, plan(await file('half.yaml', 'name: a'))],
      [
        2,
        /is a folder; name a file/,
        ['plan', '-f', await file('one.yaml', 'graph_id: writer\nname: q'), '-o', 'empty'],
      ],
      [2, /empty is a folder/, ['list'], { env: { ASSISTANTS_CONFIG: join(home, 'empty') } }],
      [
        2,
        /cannot be used: Map keys must be unique/,
        ['list'],
        { env: { ASSISTANTS_CONFIG: await file('c.yaml', 'profile: a\nprofile: b') } },
      ],
    ])
  })
})

describe('a service that is not well', () => {
  let between: Between
  afterEach(() => between?.close())

  test('nothing that listens is said at once, with what to do', async () => {
    const { code, stderr } = await command.run(['list', '--url', 'http://127.0.0.1:9999'])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^error: list: nothing listens at http:\/\/127\.0\.0\.1:9999; start the service .*\n$/,
    )
  })

  test('an answer that was lost is asked for again with the same key: one assistant is made', async () => {
    between = await betweenUsAnd(http.url, [{ cut: true }])
    const lost = `Lost ${randomUUID()}`
    const [made] = await command.json(['create', lost, '--graph', 'writer', '--url', between.url])
    expect(between.seen.map(({ headers }) => headers['idempotency-key'])).toEqual([
      expect.any(String),
      between.seen[0]?.headers['idempotency-key'],
    ])
    const { body } = await http.send('POST', '/assistants/search', { name: lost })
    expect(body.map((one: { assistant_id: string }) => one.assistant_id)).toEqual([made.assistant_id])
  })

  test('identity and reason go with a command; a refusal says what to do', async () => {
    between = await betweenUsAnd(http.url, [{ status: 401, body: { detail: 'Who are you?' } }])
    const { code, stderr } = await command.run([
      ...[
        'create',
        'x',
        '-g',
        'writer',
        '--reason',
        'für dich',
        '--url',
        between.url,
        '--token',
        'abc',
        '--actor',
        'é',
      ],
    ])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('create: Who are you?; give --token or --api-key'),
    ])
    expect(between.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer abc',
      'x-reason': 'f%C3%BCr%20dich',
      'x-actor': '%C3%A9',
    })
  })

  test('one that does not answer is given up in time', async () => {
    between = await betweenUsAnd(http.url, [{ silent: true }])
    const { code, stderr } = await command.run(['list', '--url', between.url, '--timeout', '1'])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`no answer from ${between.url} within 1 s`)])
  })

  test('Ctrl-C while it waits ends it, and says that a command may have been done', async () => {
    between = await betweenUsAnd(http.url, [{ silent: true }])
    const child = command.start(['create', 'x', '-g', 'writer', '--url', between.url])
    const said: Buffer[] = []
    child.stderr?.on('data', (part: Buffer) => said.push(part))
    const code = new Promise((resolve) => child.once('close', resolve))
    await between.first
    child.kill('SIGINT')
    expect([await code, Buffer.concat(said).toString('utf8')]).toEqual([
      130,
      'create: interrupted; it may have taken effect: look with assistants show\n',
    ])
  })

  test('something else that answers is not taken for the service, whatever is asked', async () => {
    const page = { headers: { 'Content-Type': 'text/html' }, body: '<html>Sign in</html>' }
    const ills: readonly Ill[] = [
      { status: 404, ...page },
      { status: 200, ...page },
      { status: 200, body: { ok: true } },
      { status: 200, body: '"hello"' },
      { status: 200, body: '' },
    ]
    const said = /answers, but not as this service does; is --url right\?/
    for (const ill of ills) {
      between = await betweenUsAnd(http.url, [], ill)
      await allEnd([[1, said, ['show', id, '--url', between.url]]])
      await between.close()
    }
    between = await betweenUsAnd(http.url, [], { status: 200, body: {} })
    const asked = [['list'], ['log'], ['log', '--follow'], ['fleet', id], ['create', 'x', '-g', 'writer']]
    await allEnd(asked.map((args): Case => [1, said, [...args, '--url', between.url]]))
  })

  test('one that shows what is as what was is not believed', async () => {
    const present = await stage.shown(id)
    between = await betweenUsAnd(http.url, [], { status: 200, body: present })
    await allEnd([[1, /does not answer what was/, ['show', id, '--at', '2 hours ago', '--url', between.url]]])
  })

  test('an answer that breaks off, over and over, is given up', async () => {
    between = await betweenUsAnd(http.url, [], { status: 200, body: '[{"assistant_id":', broken: true })
    const { url } = between
    await allEnd([
      [1, /broke the connection off; try again/, ['list', '--url', url]],
      [1, /broke the connection off; it may have taken effect/, ['rollback', id, '--url', url]],
    ])
  })

  test('a proxy that says no is not obeyed for ever, and is told as what it is', async () => {
    const away = { status: 503, headers: { 'Retry-After': '0' }, body: 'busy' }
    between = await betweenUsAnd(http.url, [away, away])
    expect((await command.run(['list', '--url', between.url])).code).toBe(0)
    await between.close()
    between = await betweenUsAnd(http.url, [], { status: 502, body: '<html>' })
    await allEnd([[1, /answered 502; what stands before the service/, ['list', '--url', between.url]]])
    expect(between.seen).toHaveLength(3)
  })

  const withTls = spawnSync('openssl', ['version']).error === undefined ? test : test.skip
  withTls('a certificate that nobody vouches for, and a side that speaks no TLS, are told', async () => {
    const [key, cert] = [join(command.home, 'key.pem'), join(command.home, 'cert.pem')]
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '1']
    spawnSync('openssl', [...made, '-keyout', key, '-out', cert])
    const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_, answer) =>
      answer.end(),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await allEnd([
      [
        1,
        /certificate of .* is not to be trusted: .*NODE_EXTRA_CA_CERTS/,
        ['list', '--url', `https://127.0.0.1:${port}`],
      ],
      [1, /does not speak TLS; is it http:/, ['list', '--url', http.url.replace('http:', 'https:')]],
      [1, /broke the connection off|cannot be reached/, ['list', '--url', `http://127.0.0.1:${port}`]],
      [1, /the host of .* is not known/, ['list', '--url', 'http://no.such.host.invalid']],
    ])
    server.close()
  })
})
