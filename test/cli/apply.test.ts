// Files of a repository and the service: what would change, doing it, doing it again, and what somebody did meanwhile.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { HttpService } from '../http/service.js'
import { type Command, linesOf } from './assistants.js'
import { betweenUsAnd } from './between.js'
import { BANNED, type Stage, startRunner, startStage } from './stage.js'

jest.setTimeout(60_000)

let stage: Stage
let http: HttpService
let command: Command
let folder: string
let count = 0
/** Names and an owner that no other test has. */
let mark: string

beforeAll(async () => {
  stage = await startStage()
  ;({ http, command } = stage)
}, 90_000)
afterAll(() => stage?.stop(), 30_000)
beforeEach(async () => {
  count += 1
  mark = `m${count}`
  folder = join(command.home, mark)
  await mkdir(join(folder, 'more'), { recursive: true })
  await writeFile(
    join(folder, 'press.yaml'),
    `name: Press ${mark}
graph_id: writer
context:
  model: sample-1
  prompt: |
    Write for the press.
    Be short.
---
name: Notes ${mark}
graph_id: writer
config: { recursion_limit: 9 }
`,
  )
  await writeFile(
    join(folder, 'more', 'list.json'),
    JSON.stringify([{ name: `Tweet ${mark}`, graph_id: 'writer', metadata: { team: 'press' } }]),
  )
})

/** What looks like one. */
const SECRET = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'

const apply = (...more: string[]) => command.run(['apply', '-f', folder, '--owner', mark, ...more])
const plan = (...more: string[]) => command.run(['plan', '-f', folder, '--owner', mark, ...more])
const rewrite = async (file: string, from: string, to: string) => {
  const path = join(folder, file)
  await writeFile(path, (await readFile(path, 'utf8')).replace(from, to))
}
const named = async (name: string) =>
  (await http.send('POST', '/assistants/search', { name: `${name} ${mark}` })).body[0]
const actions = (stdout: string) =>
  linesOf(stdout).map((line) => {
    const { action, name, outcome } = JSON.parse(line)
    return [action, name.replace(` ${mark}`, ''), ...(outcome ? [outcome] : [])]
  })

test('a plan says what would change with 3, applying does it, and then there is nothing to do', async () => {
  const before = await plan()
  expect(before.code).toBe(3)
  expect(before.stdout).toContain(`+ create Press ${mark} (writer)`)
  expect(before.stdout).toContain('    Write for the press.\n')
  expect(before.stdout).toContain('3 to create, 0 as the files say')
  expect(await named('Press')).toBeUndefined()

  expect((await apply('--reason', 'release 12')).code).toBe(0)
  const press = await named('Press')
  expect(press).toMatchObject({
    version: 1,
    context: { model: 'sample-1', prompt: 'Write for the press.\nBe short.\n' },
    metadata: { managed_by: `assistants-apply/${mark}` },
  })
  const { body: standing } = await http.send('GET', `/assistants/${press.assistant_id}/receipts`)
  expect(standing.reason).toBe('release 12')

  const after = await plan()
  expect([after.code, after.stdout]).toEqual([0, 'no changes: 3 as the files say\n'])
  expect((await apply()).stdout).toBe('no changes: 3 as the files say\n')
  expect((await named('Press')).version).toBe(1)

  await rewrite('press.yaml', 'Be short', 'Be very short')
  const change = await plan()
  expect([change.code, change.stdout]).toEqual([3, expect.stringContaining('Be {+very +}short.')])
  const done = await apply('--json')
  expect([done.code, actions(done.stdout)]).toEqual([
    0,
    [
      ['none', 'Tweet'],
      ['none', 'Notes'],
      ['update', 'Press', 'done'],
    ],
  ])
  expect((await named('Press')).version).toBe(2)
})

test('only what apply made is pruned, only when asked, and only by its owner', async () => {
  await apply()
  const { body: other } = await http.send('POST', '/assistants', {
    graph_id: 'writer',
    name: `Other ${mark}`,
  })
  // A search that is behind may find what is apply's own no more.
  const found = { status: 200, body: [{ assistant_id: other.assistant_id }] }
  const between = await betweenUsAnd(http.url, [{}, {}, {}, found])
  expect((await plan('--prune', '--url', between.url)).code).toBe(0)
  expect(between.seen).toHaveLength(5)
  await between.close()
  await rm(join(folder, 'more'), { recursive: true })
  expect((await plan()).code).toBe(0)
  expect((await command.run(['plan', '-f', folder, '--owner', 'another', '--prune'])).code).toBe(0)
  const unasked = await apply('--prune')
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('give --yes')])
  expect(await named('Tweet')).toBeDefined()
  const pruned = await apply('--prune', '--json', '--yes')
  expect(actions(pruned.stdout)).toContainEqual(['delete', 'Tweet', 'done'])
  expect(await named('Tweet')).toBeUndefined()
  expect((await named('Other')).assistant_id).toBe(other.assistant_id)
  expect((await plan('--prune')).code).toBe(0)
})

test('what is not there is said in words, whatever was to be read', async () => {
  for (const args of [
    ['plan', '-f', 'gone/'],
    ['apply', '-f', 'gone/'],
    ['apply', '--plan', 'gone/'],
    ['create', '-f', 'gone/'],
    ['create', 'Blog', '--graph', 'writer', '--set-file', 'context.prompt=gone/'],
  ]) {
    const { code, stderr } = await command.run(args)
    expect([args, code, stderr]).toEqual([
      args,
      2,
      `error: there is no file or folder gone/ in ${command.home}\n`,
    ])
  }
  const out = await plan('--out', 'gone/plan.json')
  expect([out.code, out.stderr]).toEqual([2, expect.stringContaining('there is no folder gone')])
  const file = await command.run(['create', '-f', '.'])
  expect([file.code, file.stderr]).toEqual([2, expect.stringMatching(/is a folder, where a file is wanted/)])
})

describe('what was changed meanwhile', () => {
  test('is not overwritten by a plan that was made before, and nothing is deleted then', async () => {
    await apply()
    await rewrite('press.yaml', 'Be short', 'Be long')
    await rm(join(folder, 'more'), { recursive: true })
    const file = join(command.home, `${mark}.plan`)
    expect((await plan('--prune', '--out', file)).code).toBe(3)
    expect((await stat(file)).mode & 0o077).toBe(0)
    const { assistant_id } = await named('Press')
    await http.send('PATCH', `/assistants/${assistant_id}`, { description: 'meanwhile' })

    const refused = await command.run(['apply', '--plan', file, '--yes'])
    expect(refused.code).toBe(4)
    expect(refused.stderr).toMatch(/Press m\d+: failed: .*somebody changed it meanwhile/)
    expect(refused.stderr).toContain('not tried: another step failed')
    expect(refused.stderr).toContain('0 done, 1 failed, 1 not tried')
    expect(await named('Press')).toMatchObject({ version: 2, description: 'meanwhile' })
    expect(await named('Tweet')).toBeDefined()

    expect((await plan('--prune', '--out', file)).code).toBe(3)
    expect((await command.run(['apply', '--plan', file])).code).toBe(2)
    expect((await command.run(['apply', '--plan', file, '--yes'])).code).toBe(0)
    expect((await named('Press')).context.prompt).toContain('Be long')
    expect(await named('Tweet')).toBeUndefined()
  })

  test('is not promoted, deleted or made twice either', async () => {
    await apply()
    const file = join(command.home, `${mark}.plan`)
    const press = await named('Press')
    for (const scope of [
      ['--to', 'staging'],
      ['--owner', mark, '--prune', '-f', join(folder, 'more')],
    ]) {
      const asked = scope.includes('--prune') ? ['plan', ...scope] : ['plan', '-f', folder, ...scope]
      expect((await command.run([...asked, '--out', file])).code).toBe(3)
      for (const name of ['Press', 'Notes', 'Tweet'])
        await http.send('PATCH', `/assistants/${(await named(name)).assistant_id}`, {
          description: `${scope}`,
        })
      const refused = await command.run(['apply', '--plan', file, '--yes'])
      expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('0 done, ')])
    }
    expect((await http.send('GET', `/assistants/${press.assistant_id}?environment=staging`)).status).toBe(404)
    expect((await named('Notes')).description).toContain('--prune')

    await writeFile(join(folder, 'press.yaml'), `name: Late ${mark}\ngraph_id: writer`)
    await command.run(['plan', '-f', join(folder, 'press.yaml'), '--out', file])
    const { actions: planned } = JSON.parse(await readFile(file, 'utf8'))
    await http.send('POST', '/assistants', { assistant_id: planned[0].assistant_id, graph_id: 'writer' })
    const late = await command.run(['apply', '--plan', file])
    expect([late.code, late.stderr]).toEqual([4, expect.stringContaining('came to be meanwhile: plan again')])
  })

  test('a plan that was altered, or is for another service, is refused', async () => {
    await apply()
    await rewrite('press.yaml', 'Be short', 'Be long')
    const file = join(command.home, `${mark}.plan`)
    await plan('--out', file)
    const other = await command.run(['apply', '--plan', file, '--url', 'http://127.0.0.1:9'])
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('was made for')])
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"revision": "\d+",/, ''))
    const altered = await command.run(['apply', '--plan', file])
    expect([altered.code, altered.stderr]).toEqual([2, expect.stringContaining('was altered')])
  })
})

test('a step that is refused is reported and does not hold the others up', async () => {
  await rewrite('press.yaml', 'graph_id: writer', 'graph_id: nowhere')
  const { code, stdout, stderr } = await apply('--json')
  expect(code).toBe(1)
  expect(actions(stdout)).toEqual([
    ['create', 'Tweet', 'done'],
    ['create', 'Press', 'failed'],
    ['create', 'Notes', 'done'],
  ])
  expect(stderr).toContain('2 done, 1 failed')
  expect(await named('Notes')).toBeDefined()
})

test('a plan says what would be refused, and which names are there', async () => {
  await http.send('POST', '/assistants', { graph_id: 'writer', name: `Notes ${mark}` })
  await rewrite('press.yaml', 'graph_id: writer', 'graph_id: nowhere')
  await rewrite('more/list.json', '"metadata":{', `"metadata":{"key":"${SECRET}",`)
  const { code, stdout } = await plan()
  expect([code, stdout]).toEqual([
    3,
    expect.stringContaining('3 to create, 0 as the files say; 2 would be refused'),
  ])
  expect(stdout).toMatch(/would be refused: .*nowhere/)
  expect(stdout).toMatch(/would be refused: .*secret/)
  expect(stdout).toMatch(/that name is there: \S+ \(Notes m\d+, writer, version 1, changed \d{4}-\S+Z\)/)
  const lines = linesOf((await plan('--json')).stdout).map((line) => JSON.parse(line))
  expect(lines.map(({ refused }) => refused !== undefined)).toEqual([true, true, false])

  await apply()
  await rewrite('press.yaml', 'config: { recursion_limit: 9 }', `context: { key: ${SECRET} }`)
  expect((await plan()).stdout).toMatch(
    /~ update in live Notes .*\n.*context\.key.*\n +would be refused: .*secret/,
  )
})

test('--wait ends with a row for each runner, of what is new too', async () => {
  const runner = await startRunner(stage)
  try {
    await rewrite('press.yaml', 'sample-1', BANNED)
    const made = await apply('--wait')
    expect([made.code, made.stderr]).toEqual([
      3,
      expect.stringMatching(/3 done, not converged: Press m\d+$/m),
    ])
    expect(made.stdout).toMatch(/^Notes m\d+: version 1 is in live\n1 of 1 runners are on it\neu\tactive\t/m)
    expect(made.stdout).toMatch(/: not converged\neu\trefused\t.*\tthe model is not allowed here$/m)
    await rewrite('press.yaml', BANNED, 'sample-1')
    const mended = await apply('--wait')
    expect([mended.code, mended.stdout]).toEqual([
      0,
      expect.stringMatching(/version 2 is in live\n1 of 1 .*\neu\tactive/),
    ])
  } finally {
    await runner.close()
  }
})

test('what ends it all says what was done and what was not', async () => {
  const refusing = { status: 401, body: { detail: 'Who are you?' } }
  // Of each: whether it is there, its graph, what it would meet, its name; then one is made.
  const between = await betweenUsAnd(http.url, Array(3 * 4 + 1).fill({}), refusing)
  const { code, stdout, stderr } = await apply('--json', '--url', between.url)
  await between.close()
  expect([code, actions(stdout)]).toEqual([
    1,
    [
      ['create', 'Tweet', 'done'],
      ['create', 'Press', 'failed'],
      ['create', 'Notes', 'not tried'],
    ],
  ])
  expect(stderr).toContain('1 done, 1 failed, 1 not tried')
  expect(await named('Tweet')).toBeDefined()
})

test('another environment is made so by promoting what live has, and its own versions leave live alone', async () => {
  await apply()
  const first = await plan('--to', 'staging')
  expect([first.code, first.stdout]).toEqual([3, expect.stringContaining('context.model: {+"sample-1"+}')])
  expect(first.stdout).not.toMatch(/^ +(name|graph_id)/m)
  expect((await apply('--to', 'staging')).code).toBe(0)
  expect((await plan('--to', 'staging')).code).toBe(0)
  await rewrite('press.yaml', 'sample-1', 'sample-2')
  expect((await apply('--to', 'staging')).code).toBe(0)
  const { assistant_id, version } = await named('Press')
  expect(version).toBe(1)
  const { body } = await http.send('GET', `/assistants/${assistant_id}?environment=staging`)
  expect(body).toMatchObject({ version: 2, context: { model: 'sample-2' } })
  expect((await plan('--to', 'staging')).code).toBe(0)
})

test('files that cannot be meant are refused with 2, naming file and field, before anything is done', async () => {
  for (const [text, said] of [
    ['name: 3\ngraph_id: writer', /press\.yaml: name must be text/],
    ['graph_id: "writer', /press\.yaml cannot be read: .*line 1/],
    [
      'graph_id: writer\nname: x\n---\ngraph_id: writer\nname: x',
      /press\.yaml \(1\) and .*\(2\) are the same/,
    ],
  ] as const) {
    await writeFile(join(folder, 'press.yaml'), text)
    const { code, stdout, stderr } = await apply()
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(said)])
    expect(linesOf(stderr)).toHaveLength(1)
  }
  expect(await named('Tweet')).toBeUndefined()
})
