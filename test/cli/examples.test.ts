// The examples work: those of every command's --help, each on a line of a shell as it is printed, and the folder that
// plan and apply are shown with.
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { COMMANDS } from '../../apps/cli/src/commands.js'
import { CommandContext, load, programOf } from '../../apps/cli/src/program.js'
import type { HttpService } from '../http/service.js'
import { type Command, hasTerminal, type Ran, type TerminalOptions } from './assistants.js'
import { type Runner, type Stage, startRunner, startStage } from './stage.js'

// Some eighty processes, one after the other where a machine has no more room.
jest.setTimeout(180_000)

const FOLDER = join(process.cwd(), 'examples', 'assistants')
/** What of an example is another's: its id, its reference, times before the test. */
const ID = '5b1d6a52-6f0e-4c6b-9d55-0b1f3a7c0001'
const TIMES = /2 hours ago|3 days ago|yesterday at 18:00/
/** What is not here: hosts, other shells, installations that stand still. Those lines are only read. */
const ELSEWHERE =
  /doctor .*\/\/assistants\.example|\/\/graphs\.example|10\.0\.0\.7|esdb:|:2024|fpath|fish|bash-completion|0b1c|--continue|--offline|--recreate|assistants restore|\/var\/lib/
/** One after the other, since they change the same. */
const IN_TURN = /assistants (plan|apply|profile|verify|export|import|replay|backup|completion)|PROFILE=/
/** So many of the others at once. */
const TOGETHER = 4

let stage: Stage
let http: HttpService
let command: Command
let runner: Runner
type Program = ReturnType<typeof programOf>
let program: Program

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command } = stage)
  runner = await startRunner(stage)
  program = await wholeProgram()
  for (const name of ['News', 'Digest', 'blog writer']) await stage.made({ model: 'one' }, { name })
  for (const [name, script] of [
    ['code', 'sed -i s/Write/Do/ "$2"'],
    ['langsmith-run', 'cat trace.json'],
  ] as const)
    await writeFile(join(command.home, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}, 90_000)
afterAll(async () => {
  await runner?.close()
  await stage?.stop()
}, 30_000)

test('examples/assistants: one graph, two assistants of another prompt and model; applied again it changes nothing', async () => {
  const plan = await command.run(['plan', '-f', FOLDER])
  expect([plan.code, plan.stdout]).toEqual([3, expect.stringContaining('2 to create')])
  expect((await command.run(['apply', '-f', FOLDER, '--reason', 'an example'])).code).toBe(0)
  const { body } = await http.send('POST', '/assistants/search', {
    metadata: { team: 'press' },
    sort_by: 'name',
  })
  const [blog, tweets] = body.reverse()
  expect([blog, tweets]).toMatchObject([
    { name: 'Tea blog', graph_id: 'writer', context: { model: 'sample-deep' } },
    { name: 'Tea tweets', graph_id: 'writer', context: { model: 'sample-swift' } },
  ])
  expect(blog.context.prompt).not.toBe(tweets.context.prompt)
  expect((await command.run(['plan', '-f', FOLDER])).code).toBe(0)
})

describe('--help', () => {
  test('of every command has examples, and each of them works', async () => {
    const examples = NAMES.flatMap(examplesOf)
    expect(examples.length).toBeGreaterThan(NAMES.length)
    const here = examples.filter((line) => !ELSEWHERE.test(line) && (hasTerminal || !isAsked(line)))
    const failed: unknown[] = []
    const tried = async (line: string) => {
      const { code, stdout, stderr } = await ran(line)
      if (code !== (line.includes('--follow') ? 130 : 0))
        failed.push([line, code, stdout.slice(-500), stderr])
    }
    const left = here.filter((line) => !IN_TURN.test(line))
    const worker = async () => {
      for (let line = left.shift(); line !== undefined; line = left.shift()) await tried(line)
    }
    await Promise.all(Array.from({ length: TOGETHER }, worker))
    for (const line of here.filter((one) => IN_TURN.test(one))) await tried(line)
    expect(failed).toEqual([])
  })

  test('what an example says of another place is understood too', async () => {
    const lines = NAMES.flatMap(examplesOf).filter((line) => ELSEWHERE.test(line))
    for (const line of lines) {
      const stub = 'assistants() { printf "%s\\n" "$@"; }'
      const { stdout } = await command.line(`${stub}; ${line.replace(/ [<>] .*/, '')}`, command.home, {
        env: { LANGGRAPH_API_KEY: 'key' },
      })
      const [name = '', ...words] = stdout.trimEnd().split('\n')
      const { operands, unknown } = program.parseOptions([name, ...words])
      const left = commandNamed(name).parseOptions([...operands.slice(1), ...unknown])
      expect([line, left.unknown]).toEqual([line, []])
    }
  })
})

const NAMES = COMMANDS.flatMap(({ commands }) => commands.map(({ name }) => name))

/** With what each command takes. */
async function wholeProgram(): Promise<Program> {
  const context = new CommandContext(new AbortController().signal)
  const whole = programOf(context)
  for (const one of whole.commands) await load(one, context)
  return whole
}

const commandNamed = (name: string): Program => {
  const found = program.commands.find((one) => one.name() === name)
  if (!found) throw new Error(`there is no command ${name}`)
  return found
}

function examplesOf(name: string): string[] {
  let said = ''
  commandNamed(name)
    .configureOutput({ writeOut: (text) => (said += text) })
    .outputHelp()
  const lines = [...said.matchAll(/^ {2}\$ (.*?)(?: {2,}# .*)?$/gm)].map(([, line = '']) => line)
  if (lines.length === 0) throw new Error(`${name} --help has no examples`)
  return lines
}

/** Whether somebody is asked. */
const isAsked = (line: string): boolean =>
  (/ edit /.test(line) && !line.includes('--reason')) ||
  (/ (delete|revert) /.test(line) && !line.includes('--yes'))

let count = 0

/** With the files and the assistant that it speaks of; those in turn find what the ones before have left. */
async function ran(example: string): Promise<Ran> {
  count += 1
  const cwd = join(command.home, IN_TURN.test(example) ? 'in-turn' : `example-${count}`)
  const name = `Blog${count}`
  const { id, ref, position } = await past(name, example)
  await files(cwd, ref)
  if (/apply --plan/.test(example)) await command.line('assistants plan -f assistants/ -o plan.json', cwd)
  const line = example
    .replace(new RegExp(`${ID}@\\S+(?=')`), ref)
    .replace(ID, id)
    .replace(TIMES, 'now')
    .replace(/(?<=--position | @)\d+/g, position)
    .replace(/\bBlog\b(?! 2")/g, name)
  const answers = / edit /.test(line)
    ? ([
        [/promote to .*: $/, '\n'],
        [/reason .*: $/, 'to try\n'],
      ] as const)
    : ([
        [/\[y\/N\] $/, 'y\n'],
        [/reason .*: $/, 'to try\n'],
      ] as const)
  const env = {
    EDITOR: 'sed -i s/Write/Do/',
    NATS_URL: http.service.nats.url,
    ASSISTANTS_DATA_DIR: http.service.registry.dataDir,
    XDG_CONFIG_HOME: join(command.home, 'config'),
  }
  const options: TerminalOptions = isAsked(example) ? { env, answers } : { env }
  return line.includes('--follow') ? followed(line, cwd, env) : command.line(line, cwd, options)
}

/** Ctrl-C, once it has said something. */
async function followed(line: string, cwd: string, env: Record<string, string>): Promise<Ran> {
  const child = command.start(line.replace(/^assistants /, '').split(' '), { cwd, env })
  child.stdout?.once('data', () => child.kill('SIGINT'))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, stdout: '', stderr: '' }
}

/** Live is on version 3 of 4, staging on the fourth; before that there was a life of seven, where one is spoken of. */
async function past(name: string, example: string): Promise<{ id: string; ref: string; position: string }> {
  const context = { model: 'one', prompt: 'Write.', tools: ['search'] }
  const body = { graph_id: 'writer', name, context }
  const { id } = await stage.made(context, { name })
  if (/[ =]1\.\d/.test(example)) {
    for (let version = 2; version <= 7; version++)
      await stage.changed(id, { description: `${version}` }, {}, '?promote=false')
    await http.send('DELETE', `/assistants/${id}`)
    await http.send('POST', '/assistants', { assistant_id: id, ...body })
  }
  for (const version of [2, 3])
    await stage.changed(id, { context: { ...context, model: `${version}` } }, { 'x-reason': 'for spring' })
  await http.send('POST', `/assistants/${id}/latest`, { version: 2, environment: 'staging' })
  await stage.changed(id, { context: { ...context, model: 'four' } }, {}, '?promote_to=staging')
  if (example.includes('--replaces 4')) await http.send('POST', `/assistants/${id}/latest`, { version: 4 })
  const { body: history } = await http.send('GET', `/assistants/${id}/history`)
  const made = history.entries.find((entry: { version: number }) => entry.version === 3)
  return { id, ref: made.ref, position: history.entries[0].position }
}

async function files(cwd: string, ref: string): Promise<void> {
  if ((await mkdir(cwd, { recursive: true })) === undefined) return
  await cp(FOLDER, join(cwd, 'assistants'), { recursive: true })
  await symlink(http.service.registry.dataDir, join(cwd, 'data'))
  await cp(join(cwd, 'data', 'ledger-signing-key.pub.pem'), join(cwd, 'ledger-signing-key.pub.pem')).catch(
    () => undefined,
  )
  const content = { graph_id: 'writer', name: 'Blog from a file', context: { model: 'x', prompt: 'Write.' } }
  for (const [file, text] of [
    ['prompt.txt', 'Write a post.'],
    ['blog.yaml', JSON.stringify(content)],
    ['kept.yaml', JSON.stringify(content)],
    ['blog.json', JSON.stringify(content)],
    ['trace.json', JSON.stringify({ assistant_ref: ref })],
    ['run.json', JSON.stringify({ id: '4711', extra: { metadata: { assistant_ref: ref } } })],
    ['token.txt', 'secret'],
    ['writer.ts', ''],
    ['langgraph.json', JSON.stringify({ graphs: { writer: './writer.ts:graph' } })],
  ] as const)
    await writeFile(join(cwd, file), text)
}
