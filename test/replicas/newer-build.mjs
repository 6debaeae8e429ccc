// Loaded into a replica by `--import`, it makes of it one of a newer build, whose number that NEWER names is one higher:
// SCHEMA, of the events that it reads and writes, or PROJECTION_VERSION. The rest of what was built is as it is.
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const BUILT = /\/libs\/(assistant\/dist\/seal|read-model\/dist\/schema)\.js$/
const number = new RegExp(`(export const ${process.env.NEWER} = )(\\d+)`)

// The hooks run in a thread of their own, which loads this very file.
if (isMainThread) register(import.meta.url)

export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!BUILT.test(url)) return loaded
  const source = String(loaded.source).replace(number, (_, name, value) => `${name}${Number(value) + 1}`)
  return { ...loaded, source }
}
