// How the command shows itself: on a terminal, in a pipe, as JSON; its help, completion, settings and doctor.
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { COMMANDS } from '../../apps/cli/src/commands.js'
import { CommandContext, load, programOf } from '../../apps/cli/src/program.js'
import type { HttpService } from '../http/service.js'
import {
  type Command,
  hasTerminal,
  isColoured,
  linesOf,
  PROGRAM,
  rowsOf,
  withoutEscapes,
} from './assistants.js'
import { betweenUsAnd } from './between.js'
import { type Stage, startStage } from './stage.js'

jest.setTimeout(60_000)

let stage: Stage
let http: HttpService
let command: Command
const name = 'A blog with a name that is rather long for a narrow terminal, 日本語'

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command } = stage)
  const context = { model: 'sample-1', prompt: 'Write. '.repeat(20_000) }
  await http.send('POST', '/assistants', { graph_id: 'writer', name, context })
}, 90_000)
afterAll(() => stage?.stop(), 30_000)

const onTerminal = hasTerminal ? describe : describe.skip
onTerminal('on a terminal', () => {
  test('lists are coloured, under heads, and as wide as the terminal at most', async () => {
    for (const columns of [40, 80, 120]) {
      const { code, stdout } = await command.terminal(['list'], { columns })
      expect(code).toBe(0)
      expect(isColoured(stdout)).toBe(true)
      const [heads, ...lines] = linesOf(withoutEscapes(stdout))
      expect(heads).toMatch(
        columns === 40 ? /^ID +NAME +GRAPH +VERSION$/ : /^ID +NAME +GRAPH +VERSION +CHANGED$/,
      )
      expect(lines).toHaveLength(2)
      if (columns > 40) for (const line of lines) expect(line).toMatch(/(now|second|minute)s?( ago)?$/)
      for (const line of [heads ?? '', ...lines]) expect(widthOf(line)).toBeLessThanOrEqual(columns)
      expect(lines.join('\n')).toContain('…')
    }
    const { stdout } = await command.terminal(['list'], { columns: 200 })
    expect(withoutEscapes(stdout)).toContain(name)
  })

  test('nothing that comes from an assistant moves the cursor', async () => {
    const evil = 'Evil \u001b]0;owned\u0007\u001b[2J'
    const { body } = await http.send('POST', '/assistants', { graph_id: 'writer', name: evil })
    const asked = /delete Evil .* \[y\/N\] $/
    const { stdout } = await command.terminal(['delete', body.assistant_id, '--reason', 'evil'], {
      answers: [[asked, 'y\n']],
    })
    expect(stdout).not.toContain('\u001b]0;')
    expect(stdout).toContain('Evil \ufffd]0;owned\ufffd')
  })

  test('NO_COLOR and --no-color are honoured', async () => {
    const { stdout } = await command.terminal(['list'], { env: { NO_COLOR: '1' } })
    expect(isColoured(stdout)).toBe(false)
    expect(isColoured((await command.terminal(['list', '--no-color'])).stdout)).toBe(false)
  })

  test('what may be long goes through the pager, unless there is to be none', async () => {
    const env = { PAGER: "sed 's/^/paged: /'" }
    expect(linesOf((await command.terminal(['list'], { env })).stdout)[0]).toContain('paged: ')
    expect((await command.terminal(['list', '--no-pager'], { env })).stdout).not.toContain('paged')
    const own = { ...env, ASSISTANTS_PAGER: 'echo "with $LESS"; cat', LESS: 'i' }
    expect(linesOf((await command.terminal(['list'], { env: own })).stdout)[0]).toMatch(/^with i\s*$/)
    // A reader who leaves before the end.
    const left = await command.terminal(['show', name], { env: { PAGER: 'head -n 1' } })
    expect([left.code, linesOf(left.stdout)]).toEqual([0, [expect.stringContaining('assistant_id')]])
  })

  test('a pager that cannot be run does not keep the answer', async () => {
    const { code, stdout } = await command.terminal(['list'], { env: { PAGER: 'no-such-pager' } })
    expect([code, linesOf(withoutEscapes(stdout)).filter((line) => / writer +1 /.test(line))]).toEqual([
      0,
      [expect.any(String), expect.any(String)],
    ])
    const long = await command.terminal(['show', name], { env: { PAGER: 'no-such-pager' } })
    expect(withoutEscapes(long.stdout).match(/Write\. /g)?.length).toBeGreaterThan(19_000)
  })

  test('the log says what happened to whom, and why in full, within 80 columns', async () => {
    const made = await stage.made()
    const why = 'the prompt forgets the links to the sources, and nobody finds out where it has that from'
    await stage.changed(made.id, { description: 'x' }, { 'x-reason': why })
    const { stdout } = await command.terminal(['log', '-n', '3'], { columns: 80 })
    const lines = linesOf(withoutEscapes(stdout))
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80)
    expect(lines[0]).toMatch(/^POS +WHEN +WHO +ID +NAME +WHAT +WHY$/)
    const [, moved = ''] = lines
    expect(moved).toContain(` ${made.id.slice(0, 8)}  ${made.name.slice(0, 7)}`)
    expect(moved).toMatch(/ live v1 → v2 /)
    const column = lines[0]?.indexOf('WHY')
    const end = lines.findIndex((line, at) => at > 1 && line.startsWith('@'))
    expect(
      lines
        .slice(1, end)
        .map((line) => line.slice(column).trim())
        .join(' '),
    ).toBe(why)
  })

  test('help is as wide as the terminal at most, but for examples', async () => {
    for (const which of ['verify', 'revert', 'apply']) {
      const { stdout } = await command.terminal(['help', which], { columns: 80 })
      const wide = linesOf(withoutEscapes(stdout)).filter((line) => widthOf(line) > 80)
      expect(wide.filter((line) => !/^ +\$ /.test(line))).toEqual([])
    }
  })

  test('delete asks, and no is no', async () => {
    const { body } = await http.send('POST', '/assistants', { graph_id: 'writer', name: 'Short-lived' })
    const asked = /delete Short-lived .* \[y\/N\] $/
    const not = await command.terminal(['delete', 'Short-lived'], { answers: [[asked, '\n']] })
    expect([not.code, not.stdout]).toEqual([1, expect.stringContaining('nothing was deleted')])
    const meanwhile = async () => {
      await http.send('PATCH', `/assistants/${body.assistant_id}`, { description: 'another' })
      return 'y\n'
    }
    const why = /reason \(empty: none\): $/
    const other = await command.terminal(['delete', 'Short-lived'], {
      answers: [
        [asked, meanwhile],
        [why, '\n'],
      ],
    })
    expect([other.code, other.stdout]).toEqual([4, expect.stringContaining('somebody changed it meanwhile')])
    const { code } = await command.terminal(['delete', 'Short-lived'], {
      answers: [
        [asked, 'y\n'],
        [why, 'it is over\n'],
      ],
    })
    expect([code, (await http.send('GET', `/assistants/${body.assistant_id}`)).status]).toEqual([0, 404])
    const [deleted] = await command.json(['log', body.assistant_id, '--limit', '1'])
    expect(deleted).toMatchObject({ type: 'AssistantDeleted', reason: 'it is over' })
  })

  test('Ctrl-C while it waits or follows ends it with 130, and the line is clean', async () => {
    const followed = await command.terminal(['log', '--follow'], { answers: [[/created/, '\u0003']] })
    expect(followed.code).toBe(130)
    const silent = await betweenUsAnd(http.url, [], { silent: true })
    const [{ assistant_id: id }] = await command.json(['show', name])
    const waiting = await command.terminal(['rollback', id, '--wait', '--reason', 'x', '--url', silent.url], {
      answers: [[/waiting for the runners: \d+ of at most 10 s/, '\u0003']],
    })
    await silent.close()
    expect(waiting.code).toBe(130)
    expect(linesOf(withoutEscapes(waiting.stdout)).at(-1)).toContain(
      'interrupted; it may have taken effect: look with assistants show',
    )
  })

  test('Ctrl-C at a question ends with 130 and changes nothing', async () => {
    const { code } = await command.terminal(['delete', name], { answers: [[/\[y\/N\] $/, '\u0003']] })
    expect(code).toBe(130)
    expect((await command.run(['show', name])).code).toBe(0)
  })
})

describe('in a pipe', () => {
  test('a fleet of nobody is said to be one', async () => {
    const { code, stdout, stderr } = await command.run(['fleet'])
    expect([code, stdout, stderr]).toEqual([0, '', expect.stringMatching(/^no runner is there; /)])
  })

  test('the log is proved and exported by the names that tables show', async () => {
    const at = ['--data-dir', http.service.registry.dataDir]
    const proved = await command.run(['verify', ...at, '--only', 'checkpoints'])
    expect(rowsOf(proved.stdout).map(([part]) => part)).toEqual(['log', 'checkpoints'])
    const { id, name: exported } = await stage.made()
    const { stdout } = await command.run(['export', ...at, '--assistant', exported])
    const subjects = linesOf(stdout).map((line) => JSON.parse(line).subject)
    expect(subjects.some((subject) => subject?.endsWith(id))).toBe(true)
    expect(subjects.filter((subject) => subject?.includes('assistant-') && !subject.endsWith(id))).toEqual([])
  })

  test('lists are plain, tab-separated, with whole names and ISO times', async () => {
    const { stdout } = await command.run(['list', '--sort', 'name'])
    expect(isColoured(stdout)).toBe(false)
    const row = rowsOf(stdout).find(([, named]) => named === name)
    expect(row).toEqual([
      expect.stringMatching(/^[0-9a-f-]{36}$/),
      name,
      'writer',
      '1',
      expect.stringMatching(/^\d{4}-.*\+00:00$/),
    ])
    const forced = await command.run(['list'], { env: { FORCE_COLOR: '1' } })
    expect(isColoured(forced.stdout)).toBe(false)
    expect(isColoured((await command.run(['show', 'writer'], { env: { FORCE_COLOR: '1' } })).stdout)).toBe(
      true,
    )
  })

  test('--json is one object a line, never coloured', async () => {
    const { stdout } = await command.run(['--json', 'list'], { env: { FORCE_COLOR: '1' } })
    const all = linesOf(stdout).map((line) => JSON.parse(line))
    expect(all.map((one) => one.name)).toEqual(expect.arrayContaining([name, 'writer']))
  })

  test.each([
    ['before the end', 'show', 'head -c 10'],
    ['before the beginning', 'list', 'true'],
  ])('a reader that leaves %s ends it quietly', (_, which, reader) => {
    const line = `set -o pipefail; "$@" | ${reader}`
    const args = [process.execPath, PROGRAM, which, ...(which === 'show' ? [name] : [])]
    const { status, stderr } = spawnSync('bash', ['-c', line, 'bash', ...args], {
      env: command.env,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('help', () => {
  const context = new CommandContext(new AbortController().signal)
  const program = programOf(context)

  test.each(COMMANDS.flatMap(({ commands }) => commands.map((one) => one.name)))(
    '%s has a summary and examples, and no option twice',
    async (which) => {
      const found = program.commands.find((one) => one.name() === which)
      if (!found) throw new Error('there is no such command')
      await load(found, context)
      let said = ''
      found.configureOutput({ writeOut: (text) => (said += text) }).outputHelp()
      expect(said).toMatch(/^Usage: assistants /)
      expect(said).toContain(`\nExamples:\n  $ `)
      const options = [...found.options, ...program.options].flatMap(({ short, long }) => [short, long])
      const named = options.filter((option) => option !== undefined)
      expect(named.filter((option, at) => named.indexOf(option) !== at)).toEqual([])
    },
  )

  test('asking for it is no failure; what cannot be meant is 2, in one line', async () => {
    const [none, help, version] = await Promise.all(
      [[], ['help', 'list'], ['--version']].map((args) => command.run(args)),
    )
    expect([none?.code, none?.stdout]).toEqual([0, expect.stringMatching(/Exit codes: 0 done/)])
    expect([help?.code, help?.stdout]).toEqual([0, expect.stringMatching(/^Usage: assistants list/)])
    expect([version?.code, version?.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
    for (const [args, said] of [
      [['lst'], /unknown command 'lst' \(Did you mean list\?\)/],
      [['list', '--limt', '3'], /unknown option '--limt' \(Did you mean --limit\?\)/],
      [['show'], /missing required argument 'assistant'/],
      [['show', 'writer', '--at', 'once upon a time'], /"once upon a time" is no time; write it as/],
      [['list', '--profile', 'absent'], /there is no profile "absent"/],
      [['list', '--url', 'ftp://x'], /no URL of a service/],
    ] as const) {
      const { code, stdout, stderr } = await command.run(args)
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(said)])
      expect(linesOf(stderr)).toHaveLength(1)
    }
  })

  test('the start takes at most 300 ms of a core', async () => {
    // Not by the clock: others may have the machine in between.
    const hook = `import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(2, JSON.stringify(process.cpuUsage())))`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` }
    const { stderr } = await command.run(['help', 'update'], { env })
    const { user, system } = JSON.parse(stderr)
    expect((user + system) / 1000).toBeLessThanOrEqual(300)
  })
})

describe('completion', () => {
  test('bash takes the script, and completes commands, options and names with spaces', async () => {
    const { stdout: script } = await command.run(['completion', 'bash'])
    const path = join(command.home, 'assistants.bash')
    await writeFile(path, script)
    expect(spawnSync('bash', ['-n', path]).status).toBe(0)
    const complete = (...words: string[]) => {
      const all = ['assistants', ...words].map((word) => `'${word}'`).join(' ')
      const line = `. ${path}; COMP_WORDS=(${all}); COMP_CWORD=${words.length}; _assistants; printf '%s\\n' "\${COMPREPLY[@]}"`
      const env = { ...command.env, LC_ALL: 'C.UTF-8' }
      return linesOf(spawnSync('bash', ['-c', line], { env, encoding: 'utf8' }).stdout)
    }
    expect(complete('pro')).toEqual(['promote', 'profile'])
    expect(complete('list', '--so')).toEqual(['--sort'])
    expect(complete('list', '--sort', 'c')).toEqual(['created_at'])
    expect(complete('profile', '')).toEqual(['list', 'set', 'use', 'leave', 'remove'])
    const [id] = await command.json(['show', 'writer'])
    expect(complete('show', id.assistant_id.slice(0, 8))).toEqual([id.assistant_id])
    expect(complete('show', 'A\\ bl')[0]).toMatch(/^A\\ blog\\ with/)
    expect(complete('revert', 'x', 'wri')).toEqual(['writer'])
    expect(complete('list', '--sort', '=', 'na')).toEqual(['name'])
    expect(complete('list', '--sort', '=')).toContain('graph_id')
    expect(complete('list', '--sort=na')).toEqual(['--sort=name'])
    expect(complete('show', '--url', 'http://127.0.0.1:9', 'x')).toEqual([])
    expect(complete('promote', 'writer', '--from', '')).toEqual(['live', 'staging'])
    expect(complete('log', '--environment', 'st')).toEqual(['staging'])
    expect(complete('diff', 'writer', '')).toEqual(['live', 'staging', '1'])
    expect(complete('revert', 'writer', '--to', '1')).toEqual(['1'])
  })

  ;(hasTerminal ? test : test.skip)('a person in bash has it with the tabulator', async () => {
    const rc = join(command.home, 'rc')
    await writeFile(
      rc,
      "source <(assistants completion bash); PS1='ready> '; bind 'set enable-bracketed-paste off'",
    )
    const { stdout } = await command.line(`bash --noprofile --rcfile ${rc} -i`, command.home, {
      answers: [
        [/ready> $/, 'assistants profi\tli\t\n'],
        [/no profiles yet/, 'exit\n'],
      ],
    })
    expect(withoutEscapes(stdout)).toContain('assistants profile list \nno profiles yet')
  })

  test.each(['zsh', 'fish'])(
    '%s has a script too, without a fault where the shell is there to say so',
    async (shell) => {
      const { code, stdout } = await command.run(['completion', shell])
      expect([code, stdout]).toEqual([0, expect.stringContaining('__complete')])
      const path = join(command.home, `assistants.${shell}`)
      await writeFile(path, stdout)
      const { status, error } = spawnSync(shell, ['-n', path])
      if (error === undefined) expect(status).toBe(0)
    },
  )
})

describe('settings', () => {
  test('a profile keeps them in a file of its owner alone, and shows no secret', async () => {
    const made = await command.run(
      ['profile', 'set', 'work', '--url', 'https://ledger.example/', '--token-stdin'],
      {
        input: 'so-secret\n',
      },
    )
    expect(made.code).toBe(0)
    const path = join(command.home, '.config', 'assistants', 'config.yaml')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readFile(path, 'utf8')).toContain('token: so-secret')
    // What others made readable is told, and made right by the next change.
    await chmod(path, 0o644)
    const exposed = await command.run(['list'])
    expect([exposed.code, exposed.stderr]).toEqual([
      0,
      `assistants: others may read the secrets in ${path}; run: chmod 600 ${path}\n`,
    ])
    const store = 'esdb://ledger:so-secret@node-1:2113'
    expect((await command.run(['profile', 'set', 'log', '--eventstore-url', store])).code).toBe(0)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    for (const format of [['--json'], []])
      expect((await command.run(['profile', 'list', ...format])).stdout).not.toContain('so-secret')
    await command.run(['profile', 'remove', 'log'])
    const listed = await command.run(['profile', 'list', '--json'])
    expect(JSON.parse(listed.stdout)).toEqual({
      name: 'work',
      in_use: true,
      url: 'https://ledger.example',
      token: '…',
    })
    expect((await command.run(['profile', 'use', 'absent'])).code).toBe(2)
    expect((await command.run(['profile', 'leave'])).stderr).toBe('work is in use no more\n')
    expect(JSON.parse((await command.run(['profile', 'list', '--json'])).stdout).in_use).toBe(false)
    expect((await command.run(['profile', 'remove', 'work'])).code).toBe(0)
    expect((await command.run(['profile', 'list'])).stdout).toBe('')
  })

  test('a config file that cannot be read is one line', async () => {
    const path = join(command.home, 'broken.yaml')
    await writeFile(path, 'profiles: {work: {colour: red}}')
    const { code, stderr } = await command.run(['list'], { env: { ASSISTANTS_CONFIG: path } })
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/broken\.yaml cannot be used: profiles\.work has colour/),
    ])
    expect(linesOf(stderr)).toHaveLength(1)
  })
})

describe('doctor', () => {
  test('finds what works, what is awaited and what to paste', async () => {
    const folder = await mkdtemp(join(command.home, 'agents-'))
    const path = join(folder, 'langgraph.json')
    await writeFile(
      path,
      JSON.stringify({
        graphs: { writer: './writer.py:graph', other: './o.ts:graph' },
        auth: { path: './a.py:auth' },
        store: {},
        http: { cors: { allow_origins: ['*'] } },
      }),
    )
    await writeFile(join(folder, 'writer.py'), '')
    const { code, stdout } = await command.run([
      'doctor',
      path,
      '--json',
      '--nats-url',
      http.service.nats.url,
    ])
    const found = linesOf(stdout).map((line) => JSON.parse(line))
    const stateOf = (what: string) => found.filter((one) => one.what === what).map(({ state }) => state)
    expect(code).toBe(1)
    for (const what of [
      'HTTP',
      'version',
      'clock',
      'log',
      'read model',
      'identity',
      'NATS',
      'langgraph.json',
    ])
      expect([what, ...stateOf(what)]).toEqual([what, 'ok'])
    expect(stateOf('graph writer')).toEqual(['ok'])
    expect(stateOf('runners of writer')).toEqual(['awaited'])
    expect(stateOf('graph other')).toEqual(['wrong', 'wrong'])
    expect(stateOf('store')).toEqual(['elsewhere'])
    expect([stateOf('http.cors'), stateOf('http')]).toEqual([['ok'], []])
    expect(found.find(({ what }) => what === 'auth')).toMatchObject({
      state: 'wrong',
      paste: expect.stringContaining('AUTH=tokens'),
    })
    expect(found.find(({ what }) => what === 'identity').detail).toContain(
      'allowed: read, write, promote to live, delete',
    )
    // It asks for what it may by what is refused: nothing was written.
    const { stdout: count } = await command.run(['list', '--limit', 'all'])
    expect((await command.run(['doctor', path, '--json'])).code).toBe(1)
    expect((await command.run(['list', '--limit', 'all'])).stdout).toBe(count)
  })

  test('prints a client that shows what this caller shows, from the environment', async () => {
    const path = join(await mkdtemp(join(command.home, 'agents-')), 'langgraph.json')
    await writeFile(path, JSON.stringify({ graphs: { writer: './w.py:graph' } }))
    const clientWith = async (...args: string[]) => {
      const { stdout } = await command.run(['doctor', path, '--json', ...args])
      expect(stdout).not.toContain('s3cret')
      const found = linesOf(stdout).map((line) => JSON.parse(line))
      return found.find(({ what }) => what === 'your programs').paste as string
    }
    const bearer = 'Authorization: `Bearer $' + '{process.env.ASSISTANTS_TOKEN}`'
    expect(await clientWith('--token', 's3cret')).toContain(`defaultHeaders: { ${bearer} }`)
    expect(await clientWith('--api-key', 's3cret')).toContain('apiKey: process.env.ASSISTANTS_API_KEY')
    expect(await clientWith()).not.toMatch(/apiKey|defaultHeaders/)
    // A service that asks somebody who has nothing to show.
    const asking = createServer(({ url }, response) => {
      response.statusCode = url === '/info' ? 200 : 401
      response.end(JSON.stringify(url === '/info' ? { service: 'assistant-ledger' } : { detail: 'Who?' }))
    })
    await new Promise<void>((resolve) => asking.listen(0, '127.0.0.1', resolve))
    const { port } = asking.address() as AddressInfo
    const either = await clientWith('--url', `http://127.0.0.1:${port}`)
    const { stdout } = await command.run(['doctor', path, '--url', `http://127.0.0.1:${port}`])
    const told = rowsOf(stdout).filter(([, what]) => what === 'identity' || what === 'your programs')
    expect(told.map(([state, , detail]) => [state, detail])).toEqual([
      ['wrong', expect.stringMatching(/^the service asks who you are: give --token/)],
      ['awaited', expect.stringContaining('once they show what the service takes')],
    ])
    asking.close()
    expect(either).toContain('apiKey: process.env.ASSISTANTS_API_KEY')
    expect(either).toContain(`// or, with a token: defaultHeaders: { ${bearer} }`)
  })

  test('looks at the stack that npm start runs, on whatever port, and says so', async () => {
    const note = async (httpUrl: string, pid: number) =>
      writeFile(join(command.home, 'local.json'), JSON.stringify({ httpUrl, pids: [pid] }))
    const address = async (env: Record<string, string> = {}) => {
      const where = { DATA_DIR: command.home, ASSISTANTS_URL: '', ...env }
      const { stdout } = await command.run(['doctor', '--json'], { env: where })
      return JSON.parse(linesOf(stdout).find((line) => line.includes('"address"')) ?? '{}').detail
    }
    await note(http.url, process.pid)
    expect(await address()).toBe(`${http.url}, from local.json (npm start)`)
    expect(await address({ ASSISTANTS_URL: http.url })).toBe(`${http.url}, from ASSISTANTS_URL`)
    // What ended, and what is elsewhere, is not looked at.
    const usual = expect.stringMatching(/^http:\/\/127\.0\.0\.1:8123, from the default/)
    const { pid: ended = 0 } = spawnSync('true')
    await note(http.url, ended)
    expect(await address()).toEqual(usual)
    await note('http://ledger.example:8123', process.pid)
    expect(await address()).toEqual(usual)
  })

  test('a NATS server with small messages is no fault, and what to paste makes them larger', async () => {
    const nats = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.end('INFO {"version":"2.10.0","jetstream":true,"max_payload":1048576}\r\n')
    })
    await new Promise<void>((resolve) => nats.listen(0, '127.0.0.1', resolve))
    const { port } = nats.address() as AddressInfo
    const found = await command.json(['doctor', '--nats-url', `nats://127.0.0.1:${port}`])
    nats.close()
    expect(found.find(({ what }) => what === 'NATS')).toMatchObject({
      state: 'limited',
      detail: expect.stringContaining('takes messages of 1024 KiB'),
      paste: expect.stringContaining('max_payload: 8388608'),
    })
  })

  test('names whose token it is', async () => {
    const claims = Buffer.from('{"sub":"ada@example.org"}').toString('base64url')
    const found = await command.json(['doctor', '--token', `e30.${claims}.x`])
    const { detail } = found.find(({ what }) => what === 'identity')
    expect(detail).toMatch(/^with a token of ada@example\.org; allowed: read/)
  })

  test('says what is not there', async () => {
    const { code, stdout } = await command.run([
      'doctor',
      '--url',
      'http://127.0.0.1:9999',
      '--nats-url',
      'nats://127.0.0.1:9998',
    ])
    expect([code, rowsOf(stdout).map(([state, what]) => [state, what])]).toEqual([
      1,
      [
        ['ok', 'address'],
        ['wrong', 'HTTP'],
        ['wrong', 'NATS'],
      ],
    ])
  })
})

/** Wide letters take two columns. */
const widthOf = (line: string): number =>
  [...line].reduce((sum, letter) => sum + (/\p{Script=Han}/u.test(letter) ? 2 : 1), 0)
