// Editing an assistant with an editor that a script plays, beside people who change it meanwhile or give up.
import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { HttpService } from '../http/service.js'
import { type Command, hasTerminal, linesOf, PROGRAM, withoutEscapes } from './assistants.js'
import { type Stage, startStage } from './stage.js'

jest.setTimeout(60_000)

let stage: Stage
let http: HttpService
let command: Command
let id: string

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command } = stage)
}, 90_000)
afterAll(() => stage?.stop(), 30_000)
beforeEach(async () => {
  const { body } = await http.send('POST', '/assistants', {
    graph_id: 'writer',
    name: 'Blog',
    context: { prompt: 'Write a post.\nBe kind.\n', model: 'sample-1' },
    metadata: { team: 'press' },
  })
  id = body.assistant_id
})

const present = async () => (await http.send('GET', `/assistants/${id}`)).body

/** What an editor does to the file that it is given, as a shell script. */
async function editor(script: string): Promise<{ EDITOR: string }> {
  const path = join(command.home, `editor-${Math.random()}.sh`)
  await writeFile(path, script)
  return { EDITOR: `sh ${path}` }
}

/** The texts that were kept. */
async function kept(): Promise<string[]> {
  const folders = (await readdir(command.home)).filter((name) => name.startsWith('assistants-edit-'))
  const files = await Promise.all(
    folders.map(async (name) => (await readdir(join(command.home, name))).map((file) => join(name, file))),
  )
  return files.flat().map((file) => join(command.home, file))
}

test('makes a version of what was saved, with the reason, and shows what is different', async () => {
  const seen = () => readFile(join(command.home, 'seen.yaml'), 'utf8')
  const env = await editor(
    `cp "$1" ${join(command.home, 'seen.yaml')}; sed -i "s/Be kind/Be very kind/" "$1"`,
  )
  const { code, stdout, stderr } = await command.run(['edit', id, '--reason', 'kinder'], { env })
  expect([code, stderr]).toEqual([0, expect.stringContaining('@1.1#')])
  // The prompt is a block, and the context is there once.
  expect(await seen()).toContain(
    'context:\n  prompt: |\n    Write a post.\n    Be kind.\n  model: sample-1\n',
  )
  expect(await seen()).not.toContain('configurable')
  expect(stdout).toContain('{+very +}kind')
  expect(stdout).toContain('Blog: version 2 is in live')
  expect(await present()).toMatchObject({
    version: 2,
    context: { prompt: 'Write a post.\nBe very kind.\n', model: 'sample-1' },
  })
  const { body: standing } = await http.send('GET', `/assistants/${id}/receipts`)
  expect(standing).toMatchObject({ version: 2, reason: 'kinder' })
  expect(await kept()).toEqual([])
})

test.each([
  ['is left as it was', 'exit 0', 0, 'nothing was changed'],
  ['is emptied', ': > "$1"', 0, 'nothing was changed'],
  ['is given up', 'exit 1', 1, 'ended with 1; nothing was changed'],
])('changes nothing when the text %s', async (_, script, code, said) => {
  const ran = await command.run(['edit', id, '--reason', 'x'], { env: await editor(script) })
  expect([ran.code, ran.stderr, ran.stdout]).toEqual([code, expect.stringContaining(said), ''])
  expect((await present()).version).toBe(1)
  expect(await kept()).toEqual([])
})

test('does not overwrite what was changed meanwhile, and keeps the text', async () => {
  const meanwhile = `${process.execPath} ${PROGRAM} update ${id} --description meanwhile`
  const env = await editor(`${meanwhile}; sed -i "s/Be kind/Be mine/" "$1"`)
  const { code, stderr } = await command.run(['edit', id, '--reason', 'x'], { env })
  const [path = ''] = await kept()
  expect([code, stderr]).toEqual([4, expect.stringContaining(`your text is in ${path}`)])
  expect(await present()).toMatchObject({ version: 2, description: 'meanwhile' })
  expect(await readFile(path, 'utf8')).toContain('Be mine')
  expect((await stat(path)).mode & 0o077).toBe(0)
  // The way that the error names.
  const again = await command.run(['edit', id, '--file', path, '--reason', 'x'], {
    env: await editor('exit 0'),
  })
  expect(again.code).toBe(0)
  expect((await present()).context.prompt).toBe('Write a post.\nBe mine.\n')
})

test('shows the context of one that was imported with config.configurable alone', async () => {
  const at = '2026-01-01T00:00:00Z'
  const config = { configurable: { prompt: 'Write.', model: 'sample-1' } }
  const version = { version: 1, created_at: at, graph_id: 'writer', name: 'Moved', config }
  const moved = { assistant_id: randomUUID(), from: 'http://127.0.0.1:2024', versions: [version] }
  const live = { version: 1, updated_at: at }
  expect((await http.send('POST', '/admin/import/assistant', { ...moved, live })).status).toBe(200)
  const env = await editor('sed -i "/^context:/,$ s/Write/Do/" "$1"')
  const { code, stdout } = await command.run(['edit', moved.assistant_id, '--reason', 'x'], { env })
  expect([code, stdout]).toEqual([0, expect.stringContaining('context.prompt')])
  const { body } = await http.send('GET', `/assistants/${moved.assistant_id}`)
  expect(body.context).toEqual({ prompt: 'Do.', model: 'sample-1' })
})

test('says what is wrong with a text that cannot be read, and where it is', async () => {
  for (const [script, said] of [
    ['echo "context: [" >> "$1"', /the text cannot be read: .*line \d+/],
    ['echo "colour: red" >> "$1"', /the text has colour, which is none of graph_id/],
    ['sed -i "/team:/d" "$1"', /metadata\.team cannot be taken away/],
    ['printf "\\351" >> "$1"', /is no text in UTF-8/],
  ] as const) {
    const { code, stderr } = await command.run(['edit', id, '--reason', 'x'], { env: await editor(script) })
    expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
    expect(stderr).toMatch(/the text is in \S+\.yaml/)
    expect(linesOf(stderr)).toHaveLength(1)
  }
  expect((await present()).version).toBe(1)
})

test('needs a reason, and somebody to ask for it', async () => {
  const { code, stderr } = await command.run(['edit', id], { env: await editor('exit 0') })
  expect([code, stderr]).toEqual([2, expect.stringContaining('give --reason')])
})

test('needs an editor that works without a terminal where there is none', async () => {
  const { code, stderr } = await command.run(['edit', id, '--reason', 'x'])
  expect([code, stderr]).toEqual([2, expect.stringContaining('set VISUAL or EDITOR')])
  expect((await present()).version).toBe(1)
})

const inTerminal = hasTerminal ? test : test.skip
inTerminal('asks on a terminal where to promote and why; no reason changes nothing', async () => {
  const env = await editor('sed -i "s/Be kind/Be brief/" "$1"')
  const { code, stdout } = await command.terminal(['edit', id], {
    env,
    answers: [
      [/promote to live, staging, or none \[live\]: $/, 'staging\n'],
      [/reason \(empty: change nothing\): $/, 'shorter\n'],
    ],
  })
  expect([code, withoutEscapes(stdout)]).toEqual([0, expect.stringContaining('version 2 is in staging')])
  const staging = (await http.send('GET', `/assistants/${id}/receipts?environment=staging`)).body
  expect(staging).toMatchObject({ version: 2, reason: 'shorter' })
  expect((await present()).version).toBe(1)

  const silent = await command.terminal(['edit', id, '--to', 'live'], {
    env,
    answers: [[/reason \(empty: change nothing\): $/, '\n']],
  })
  expect([silent.code, silent.stdout]).toEqual([1, expect.stringContaining('no reason was given')])
  expect((await present()).version).toBe(1)
})

inTerminal('asks again for an environment that there is not, and Ctrl-D changes nothing', async () => {
  const env = await editor('sed -i "s/Be kind/Be brief/" "$1"')
  const place = /promote to live, staging, or none \[live\]: $/
  const { code, stdout } = await command.terminal(['edit', id], {
    env,
    answers: [
      [place, 'prod\n'],
      [/there is no environment "prod": live, staging or none\n[\s\S]*\[live\]: $/, '\u0004'],
    ],
  })
  expect([code, withoutEscapes(stdout)]).toEqual([
    1,
    expect.stringContaining('was not answered, and nothing was changed; your text is in'),
  ])
  expect((await present()).version).toBe(1)
})

inTerminal("Ctrl-C is the editor's while it is open", async () => {
  // An editor that takes Ctrl-C for something of its own, as vi does.
  const script = `trap 'told=1' INT
echo ready
until [ "$told" ]; do sleep 0.05; done
sed -i "s/Be kind/Be brief/" "$1"`
  const { code, stdout } = await command.terminal(['edit', id, '--reason', 'x'], {
    env: await editor(script),
    answers: [[/ready/, '\u0003']],
  })
  expect([code, withoutEscapes(stdout)]).toEqual([0, expect.stringContaining('version 2 is in live')])
  expect((await present()).context.prompt).toContain('Be brief')
  // One that does not: nothing is changed, and what was typed is kept.
  const killed = await command.terminal(['edit', id, '--reason', 'x'], {
    env: await editor('echo "# mine" >> "$1"; echo ready; exec sleep 20'),
    answers: [[/ready/, '\u0003']],
  })
  expect([killed.code, withoutEscapes(killed.stdout)]).toEqual([
    1,
    expect.stringMatching(/nothing was changed, and the text is in \S+/),
  ])
})

inTerminal('a text that cannot be read can be edited again', async () => {
  const once = join(command.home, 'once')
  const env = await editor(
    `if [ -e ${once} ]; then sed -i "/^context: oops/d; s/Be kind/Be brief/" "$1"; else touch ${once}; echo "context: oops" >> "$1"; fi`,
  )
  const { code, stdout } = await command.terminal(['edit', id, '--reason', 'x'], {
    env,
    answers: [[/must be unique[\s\S]*edit it again\? \[Y\/n\] $/, '\n']],
  })
  expect([code, withoutEscapes(stdout)]).toEqual([0, expect.stringContaining('version 2 is in live')])
})
