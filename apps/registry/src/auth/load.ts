// The auth module that langgraph.json names, loaded as its author wrote it: TypeScript or JavaScript, with the SDK that
// it was written with. So its `Auth` is another class than ours would be, and known by what it holds.
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BadSetting } from '../settings.js'
import { AUTH_LIMITS } from './limits.js'
import { messageOf } from './message.js'
import { within } from './within.js'

/** What an instance of the SDK's `Auth` holds (`@langchain/langgraph-sdk/auth`). */
export interface Handlers {
  readonly authenticate?: (request: Request) => unknown
  /** By event: `assistants:create`, `assistants`, `*:create`, `*`. */
  readonly callbacks?: Readonly<Record<string, ((context: object) => unknown) | undefined>>
}

/** Where handlers are found at each call. */
export interface LoadedAuth {
  readonly '~handlerCache': Handlers
}

/** Imports a file; TypeScript through tsx, which leaves every other module alone. */
export type ImportFile = (url: string, typescript: boolean) => Promise<Readonly<Record<string, unknown>>>

const importFile: ImportFile = async (url, typescript) => {
  if (!typescript) return import(url)
  const { tsImport } = await import('tsx/esm/api')
  return tsImport(url, import.meta.url)
}

/** Whether it is Python, which nothing here can run. */
export const isPython = (path: string): boolean => /\.py$/.test(sourceOf(path).source)

/**
 * Loads `./auth.mts:auth`; without a name, the default export.
 * @param manifest the file that names it, which its path is relative to
 * @throws BadSetting one line
 */
export async function loadAuth(path: string, manifest: string, load = importFile): Promise<LoadedAuth> {
  const { source, name } = sourceOf(path)
  const fault = (what: string) => new BadSetting(`${manifest}: auth.path ${JSON.stringify(path)} ${what}`)
  if (isPython(path))
    throw fault(
      'is Python, which this service does not run: write it with @langchain/langgraph-sdk/auth, or set AUTH=tokens with AUTH_ISSUER or API_KEYS_FILE',
    )
  const typescript = /\.[cm]?tsx?$/.test(source)
  if (!typescript && !/\.[cm]?js$/.test(source)) throw fault('is neither TypeScript nor JavaScript')
  const url = pathToFileURL(resolve(dirname(manifest), source)).href
  let module: Readonly<Record<string, unknown>>
  try {
    module = await within(AUTH_LIMITS.load_ms, load(url, typescript), () => {
      return new Error(`it takes longer than ${AUTH_LIMITS.load_ms} ms`)
    })
  } catch (error) {
    throw fault(`does not load: ${firstLine(error)}`)
  }
  const auth = exported(module, name)
  if (auth === undefined || auth === null) throw fault(`does not export ${name}`)
  if (typeof auth !== 'object' || !('~handlerCache' in auth))
    throw fault(`exports ${name}, which is no Auth of @langchain/langgraph-sdk/auth`)
  const loaded = auth as LoadedAuth
  // LangGraph's server then runs no handler at all, and everybody may do everything.
  if (typeof loaded['~handlerCache'].authenticate !== 'function')
    throw fault('has no authenticate(), so nobody would be asked who they are')
  return loaded
}

function sourceOf(path: string): { readonly source: string; readonly name: string } {
  const [source = '', name = ''] = path.split(':', 2)
  return { source, name: name || 'default' }
}

/** A CommonJS module's exports may stand under its default. */
function exported(module: Readonly<Record<string, unknown>>, name: string): unknown {
  const found = module[name]
  const inner = (module.default as Readonly<Record<string, unknown>> | undefined)?.[name]
  return name === 'default' ? (inner ?? found) : (found ?? inner)
}

const firstLine = (error: unknown): string => messageOf(error).split('\n', 1)[0] || 'it throws'
