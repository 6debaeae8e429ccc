// Imports a file as the service does, outside of the module system that Jest puts in place of Node's: TypeScript through
// tsx, JavaScript as it is.
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'
import type { ImportFile } from '../../apps/registry/src/auth/load.js'

type Import = (url: string) => Promise<Readonly<Record<string, unknown>>>
type TsImport = (url: string, parent: string) => Promise<Readonly<Record<string, unknown>>>

const nativeImport = vm.runInThisContext('(url) => import(url)', {
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as Import

export const importNatively: ImportFile = async (url, typescript) => {
  if (!typescript) return nativeImport(url)
  const { tsImport } = (await nativeImport('tsx/esm/api')) as { tsImport: TsImport }
  return tsImport(url, pathToFileURL(`${process.cwd()}/`).href)
}
