// The files that a TypeScript module's types come from: itself and what it imports of the same project, at any distance.
// Packages are left out: they change with their versions, and what a graph declares stays what it is.
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import ts from 'typescript'

/** @param file absolute @returns absolute paths, that of the module first */
export async function sourcesOf(file: string): Promise<readonly string[]> {
  const options = compilerOptions(dirname(file))
  const found = new Set([file])
  for (const one of found) {
    const { importedFiles } = ts.preProcessFile(await readFile(one, 'utf8'))
    for (const { fileName } of importedFiles) {
      const { resolvedModule } = ts.resolveModuleName(fileName, one, options, ts.sys)
      if (resolvedModule && !resolvedModule.isExternalLibraryImport)
        found.add(resolvedModule.resolvedFileName)
    }
  }
  return [...found]
}

/** Those of the project, whose `paths` may name modules too. */
function compilerOptions(folder: string): ts.CompilerOptions {
  const path = ts.findConfigFile(folder, ts.sys.fileExists)
  if (path === undefined) return { moduleResolution: ts.ModuleResolutionKind.NodeNext }
  const { config } = ts.readConfigFile(path, ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, ts.sys, dirname(path)).options
}
