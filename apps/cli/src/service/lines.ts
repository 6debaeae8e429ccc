// An answer of JSON lines, read as they come.
import { Failure } from '../failure.js'
import type { Service } from './service.js'

/**
 * Asks for something that takes its time, and yields what is said of it. Whoever stops reading ends it.
 * @throws Failure what the last line says that it failed with
 */
export async function* linesFrom<Line extends object>(
  service: Service,
  path: string,
  body: object,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const response = await service.open(path, { body, headers: { 'Content-Type': 'application/json' } })
  let rest = ''
  const decoder = new TextDecoder()
  try {
    for await (const piece of response.body ?? []) {
      rest += decoder.decode(piece as Uint8Array, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield lineOf(line)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    throw new Failure(`the service at ${service.url} broke off: ${(error as Error).message}; run it again`)
  }

  function lineOf(text: string): Line {
    const line = JSON.parse(text) as Line & { readonly error?: { detail?: string; code?: string } }
    if (line.error) throw new Failure(line.error.detail ?? text, undefined, line.error.code)
    return line
  }
}
