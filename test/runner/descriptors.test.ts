// What a runner finds out of its graphs: from the modules that langgraph.json names, with the schemas that a build step
// extracted from their types, and as a process, from its start to the registry's subject.
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { GraphDescriptor } from '@assistant-ledger/client'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { describeDeployed } from '../../apps/runner/src/describe/deployed.js'
import { describeGraph } from '../../apps/runner/src/describe/describe.js'
import { loadGraphs } from '../../apps/runner/src/graphs.js'
import { graph } from '../../graphs/writer.js'

/** The build step compiles, on a machine that other tests keep busy. */
const TIMEOUT_MS = 120_000
const run = promisify(execFile)
const GRAPHS = 'test/runner/graphs'
/** Where the build step may write: the graphs, the project's packages, and how TypeScript finds those. */
let folder: string
let langgraphJson: string
/** What the build step printed, and its exit code. */
let extracted: { stdout: string; code?: number }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graphs-'))
  langgraphJson = join(folder, 'langgraph.json')
  await cp(GRAPHS, folder, { recursive: true })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  const compilerOptions = { module: 'nodenext', target: 'es2023', skipLibCheck: true, types: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const graphs = {
    annotated: './annotated.ts:graph',
    absent: { path: './annotated.ts:nothing' },
    python: './agent.py:graph',
  }
  await writeFile(join(folder, 'sources.json'), JSON.stringify({ graphs }))
  const env = { PATH: process.env.PATH, LANGGRAPH_JSON: join(folder, 'sources.json') }
  extracted = await run(process.execPath, ['scripts/graph-schemas.mjs'], { env }).catch((failed) => failed)
}, TIMEOUT_MS)
afterAll(() => rm(folder, { recursive: true }))

/** The descriptors, and what was told of each graph. */
async function described(file: string, wanted: readonly string[]) {
  const told: string[] = []
  const all: Record<string, GraphDescriptor> = {}
  for (const [name, graph] of await loadGraphs(file, wanted))
    all[name] = await describeDeployed(graph, (problem) => told.push(`${name}: ${problem}`), 500)
  return { all, told }
}

const properties = (schema: unknown) => (schema as { properties: object }).properties

describe('the schemas of types', () => {
  test('are extracted from the sources, with those of the subgraphs, and written beside them', async () => {
    expect(extracted.stdout.split('\n').slice(0, 3)).toEqual([
      'python: ./agent.py:graph is no TypeScript, and has its schemas at run time alone',
      'annotated: state, input, output, config; subgraphs research',
      'absent: nothing could be extracted from ./annotated.ts:nothing: Failed to find export "nothing"',
    ])
    expect(extracted.code).toBe(1)
    const file = JSON.parse(await readFile(join(folder, 'annotated.schemas.json'), 'utf8'))
    expect(Object.keys(file.sources)).toEqual(['annotated.ts', 'research.ts'])
    const { all, told } = await described(langgraphJson, ['annotated'])
    const { schemas, subgraphs, unknown } = all.annotated as GraphDescriptor
    expect(told).toEqual([])
    expect(properties(schemas.context_schema)).toEqual({
      prompt: { type: 'string' },
      model: { type: 'string', enum: ['large', 'small'] },
      tools: { type: 'array', items: { type: 'string' } },
    })
    expect(properties(subgraphs.research?.state_schema)).toEqual({
      notes: { type: 'array', items: { type: 'string' } },
    })
    expect(properties(subgraphs['research|search']?.output_schema)).toHaveProperty('notes')
    // Of a module that is imported the extraction sees what is exported; the rest is known at run time or not at all.
    expect(unknown).toEqual([
      '/subgraphs/research|search/config_schema',
      '/subgraphs/research|search/context_schema',
    ])
  })

  test('are unknown without the build step, and nothing is said of that', async () => {
    const { all, told } = await described(join(GRAPHS, 'langgraph.json'), ['annotated'])
    expect(told).toEqual([])
    expect(all.annotated?.schemas.context_schema).toBeNull()
    expect(all.annotated?.unknown).toContain('/schemas/context_schema')
    expect(all.annotated?.graph).not.toBeNull()
  })

  test('that no longer fit a source are not used, also when that is imported from afar', async () => {
    const source = join(folder, 'research.ts')
    await writeFile(source, `${await readFile(source, 'utf8')}export const more = 1\n`)
    const { all, told } = await described(langgraphJson, ['annotated'])
    expect(all.annotated?.schemas.context_schema).toBeNull()
    expect(told).toEqual([
      'annotated: annotated.schemas.json is not used: research.ts is not what it was extracted from; run `npm run graph-schemas` again',
    ])
    await copyFile(join(GRAPHS, 'research.ts'), source)
    expect((await described(langgraphJson, ['annotated'])).told).toEqual([])
  })

  test('in a file that is none are not used', async () => {
    const file = join(folder, 'broken.schemas.json')
    await writeFile(file, '{"v":2}')
    expect((await described(langgraphJson, ['failing'])).told[0]).toBe(
      'failing: broken.schemas.json is not used: its format is 2, not 1',
    )
    await writeFile(file, 'null')
    expect((await described(langgraphJson, ['failing'])).told[0]).toMatch(/broken.schemas.json is not used: /)
    await rm(file)
  })
})

test('a factory is described by what it makes of an empty configuration, one that makes nothing by what is left', async () => {
  const { all, told } = await described(langgraphJson, ['failing', 'waiting', 'annotated'])
  expect(told).toEqual([
    'failing: it cannot be described: there is no key for nobody',
    'waiting: it cannot be described: it took more than 500 ms',
  ])
  expect(all.failing).toMatchObject({ graph: null, xray: [], subgraphs: {} })
  expect(all.failing?.unknown).toHaveLength(8)
  expect(all.annotated?.graph?.nodes.map(({ id }) => id)).toEqual([
    '__start__',
    'research',
    'write',
    '__end__',
  ])
})

test('of the sample graph everything is known', async () => {
  const { descriptor, problems } = await describeGraph(graph)
  expect([descriptor.unknown, problems]).toEqual([[], []])
  expect(Object.keys(properties(descriptor.schemas.context_schema))).toEqual(['prompt', 'model', 'max_words'])
  expect(descriptor.schemas.context_schema).not.toHaveProperty('required')
})
