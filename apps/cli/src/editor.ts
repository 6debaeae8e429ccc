// The text that a person edits, the file it is in, and the editor.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkWritten, parseDocument, saidOnce, toYaml, type Written, writtenOf } from './content.js'
import type { Context } from './context.js'
import { Failure, oneLine, usage } from './failure.js'
import { ask } from './input.js'
import { lendingTerminal } from './interrupt.js'
import type { Assistant, Content } from './service/shapes.js'
import { readText } from './text-file.js'

/** A text in a file of its own, readable by its owner alone. */
export class Manuscript {
  private constructor(
    readonly path: string,
    private readonly directory: string,
    /** As it was before it was edited. */
    readonly original: string,
  ) {}

  /** @param begin instead of the present content */
  static async of(assistant: Assistant, environment: string, begin?: string): Promise<Manuscript> {
    const { name, assistant_id, version } = assistant
    const head = [
      `${oneLine(name)} (${assistant_id}), version ${version}, as ${environment} shows it.`,
      'Save and leave the editor to go on. Left as it is, or empty, it changes nothing.',
      'config and context are replaced by what stands here; metadata is merged.',
    ]
    const original = `${head.map((line) => `# ${line}\n`).join('')}${await toYaml(writtenOf(saidOnce(assistant)))}`
    const directory = await mkdtemp(join(tmpdir(), 'assistants-edit-'))
    const path = join(
      directory,
      `${name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64) || 'assistant'}.yaml`,
    )
    await writeFile(path, begin ?? original, { mode: 0o600 })
    return new Manuscript(path, directory, original)
  }

  /** @throws Failure when it is no text, or is not there any more */
  read(): Promise<string> {
    return readText(this.path)
  }

  async discard(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

/**
 * Lets the person edit until the text can be read, or they give up.
 * @param judge what would come of it; throws Failure for what cannot be
 * @returns undefined when it was left as it was, or empty
 * @throws Failure that names the file, when nobody is there to edit again
 */
export async function edited(
  context: Context,
  manuscript: Manuscript,
  judge: (written: Written) => Content,
): Promise<Content | undefined> {
  for (;;) {
    await runEditor(manuscript)
    try {
      const text = await manuscript.read()
      if (text === manuscript.original || isEmptyText(text)) return undefined
      const document = await parseDocument(text, 'the text')
      return judge(checkWritten(document, 'the text'))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (!context.output.canAsk)
        throw usage(`${error.message}; nothing was changed, and the text is in ${manuscript.path}`)
      context.output.note(error.message)
      const answer = await ask(context, 'edit it again? [Y/n] ')
      if (answer === undefined || /^n/i.test(answer))
        throw new Failure(`nothing was changed, and the text is in ${manuscript.path}`)
    }
  }
}

const isEmptyText = (text: string) => text.split('\n').every((line) => /^\s*(#.*)?$/.test(line))

const editorSet = () => process.env.VISUAL || process.env.EDITOR || undefined

/** @throws Failure where the editor would be vi and nobody could see it: it would wait for ever */
export function checkEditor(): void {
  if (editorSet() !== undefined || (process.stdin.isTTY && process.stdout.isTTY)) return
  throw usage(
    'there is no terminal to edit on: set VISUAL or EDITOR to a program that needs none, or use assistants update',
  )
}

/** As shells say it. */
const CANNOT_START = 127

/** @throws Failure when it cannot be started or says that something is wrong */
async function runEditor(manuscript: Manuscript): Promise<void> {
  const editor = editorSet() ?? 'vi'
  // In a shell, as git does: an editor may be a command with arguments. Ctrl-C is the editor's, and the shell outlives it.
  const line = `trap : INT; ${editor} "$1"`
  const code = await lendingTerminal(
    () =>
      new Promise((resolve) => {
        const child = spawn('sh', ['-c', line, 'sh', manuscript.path], { stdio: 'inherit' })
        child.once('error', () => resolve(CANNOT_START))
        child.once('exit', (status, signal) => resolve(status ?? signal ?? CANNOT_START))
      }),
  )
  if (code === 0) return
  const untouched = (await manuscript.read().catch(() => undefined)) === manuscript.original
  if (untouched) await manuscript.discard()
  const where = untouched ? '' : `, and the text is in ${manuscript.path}`
  const what = code === CANNOT_START || code === 126 ? `cannot be started; set EDITOR` : `ended with ${code}`
  throw new Failure(`the editor ${editor} ${what}; nothing was changed${where}`)
}
