// What a command reads from the person or the program before it: answers and secrets.
import { createInterface } from 'node:readline/promises'
import type { Context } from './context.js'
import { Failure, usage } from './failure.js'
import { visible } from './output/visible.js'
import { readText } from './text-file.js'

/** The one line of the standard input. @throws Failure when it is empty */
export async function readSecret(what: string): Promise<string> {
  const secret = (await readText('-')).trim()
  if (secret === '') throw usage(`the standard input has no ${what}`)
  return secret
}

/**
 * Asks a question on the terminal.
 * @returns the answer without spaces around it; undefined when the input ended (Ctrl-D), which is no answer
 */
export async function ask(
  { signal }: Pick<Context, 'signal'>,
  question: string,
): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const stopped = new AbortController()
  // In a question Ctrl-C comes to the reader of lines, which hands it on as the signal that it is.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  terminal.once('close', () => stopped.abort())
  try {
    const over = AbortSignal.any([signal, stopped.signal])
    return (await terminal.question(visible(question), { signal: over })).trim()
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (stopped.signal.aborted) {
      // What is said next begins on a line of its own.
      process.stderr.write('\n')
      return undefined
    }
    throw error
  } finally {
    terminal.close()
  }
}

/** @returns true for y or yes */
export async function confirm(context: Pick<Context, 'signal'>, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(context, `${question} [y/N] `)) ?? '')
}

/**
 * Why it is done: as it was given, else asked for where somebody is there and has not said that nothing is to be asked.
 * @returns undefined: there is no reason
 * @throws Failure when the question was left
 */
export async function reasonOf(
  context: Pick<Context, 'signal' | 'output'>,
  { reason, yes }: { readonly reason?: string; readonly yes?: boolean },
): Promise<string | undefined> {
  if (reason !== undefined || yes || !context.output.canAsk) return reason
  const answer = await ask(context, 'reason (empty: none): ')
  if (answer === undefined) throw new Failure('the reason was not answered, and nothing was changed')
  return answer || undefined
}
