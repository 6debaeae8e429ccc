// What the Dockerfile makes, made without Docker: the very files that it copies, built and pruned by its own commands,
// on the packages that are installed here already, which stand for its `npm ci`.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Instruction {
  readonly name: string
  readonly rest: string
}

/** The instructions of the Dockerfile, by stage; each stage begins with its `FROM`. */
export function readStages(): readonly (readonly Instruction[])[] {
  const lines = readFileSync('Dockerfile', 'utf8')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const stages: Instruction[][] = []
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push([])
    if (name) stages.at(-1)?.push({ name, rest })
  }
  return stages
}

export interface Image {
  /** The folder that is `/app` in the image. */
  readonly app: string
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  remove(): Promise<void>
}

export async function makeImage(): Promise<Image> {
  const [build = [], final = []] = readStages()
  const app = await mkdtemp(join(tmpdir(), 'assistant-ledger-image-'))
  const remove = () => rm(app, { recursive: true, force: true, maxRetries: 5 })
  try {
    await chmod(app, 0o755)
    for (const { name, rest } of build) {
      if (name === 'COPY') await copy(rest, app)
      else if (name === 'RUN') await runIn(app, rest)
    }
    for (const { name, rest } of final)
      if (name === 'COPY' && !rest.startsWith('--from')) await copy(rest, app)
    return { app, ...readFinalStage(), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What the image says to whatever runs it. */
export function readFinalStage(): Pick<Image, 'env' | 'command'> {
  const final = readStages().at(-1) ?? []
  return { env: environmentOf(final), command: commandOf(final) }
}

/** What a `COPY` takes from this folder. */
export const sourcesOf = (rest: string): string[] => rest.split(' ').slice(0, -1)

async function copy(rest: string, app: string): Promise<void> {
  const target = rest.split(' ').at(-1) as string
  for (const source of sourcesOf(rest)) {
    const to = target.endsWith('/') ? join(app, target, basename(source)) : join(app, target)
    await cp(source, to, { recursive: true, filter: (file) => !isIgnored(file) })
  }
}

/** Whether `.dockerignore` keeps a file out: a name at the top, or with `**` before it a name anywhere. */
export function isIgnored(file: string): boolean {
  const patterns = readFileSync('.dockerignore', 'utf8').trim().split('\n')
  return patterns.some((pattern) => {
    if (!pattern.startsWith('**/')) return file === pattern
    const [begins = '', ends] = pattern.slice('**/'.length).split('*')
    const name = basename(file)
    return ends === undefined ? name === begins : name.startsWith(begins) && name.endsWith(ends)
  })
}

async function runIn(app: string, command: string): Promise<void> {
  for (const part of command.split(' && ')) {
    const [program = '', ...args] = part.split(' ')
    if (part === 'npm ci') await copyPackages(app)
    else await run(program, args, { cwd: app })
  }
}

/** Copies, not links: npm writes into its note of what is installed, and a link would change the one of the work tree. */
async function copyPackages(app: string): Promise<void> {
  const workspaces = ['libs', 'apps'].flatMap((kind) => readdirSync(kind).map((name) => join(kind, name)))
  for (const folder of ['.', ...workspaces]) {
    const packages = join(folder, 'node_modules')
    if (existsSync(packages)) await run('cp', ['-a', packages, join(app, packages)])
  }
}

function environmentOf(stage: readonly Instruction[]): Record<string, string> {
  const text = stage.flatMap(({ name, rest }) => (name === 'ENV' ? rest : [])).join(' ')
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, plain]) => [
      name,
      quoted ?? plain,
    ]),
  )
}

function commandOf(stage: readonly Instruction[]): string[] {
  const command = stage.findLast(({ name }) => name === 'CMD')
  if (!command) throw new Error('the Dockerfile has no CMD')
  return JSON.parse(command.rest)
}
