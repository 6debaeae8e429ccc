// The assistants of a LangGraph server into the service, each by itself: one that cannot be taken stops no other.
import { type ContentPatch, likelySecrets } from '@assistant-ledger/assistant'
import type { AssistantPart, Found } from '@assistant-ledger/audit'
import type { Context } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import { counted } from '../output/counted.js'
import { progress } from '../output/progress.js'
import { importTarget, type ServiceTarget } from '../service/import-target.js'

export interface FromOptions {
  readonly fromHeader?: Readonly<Record<string, string>>
  readonly reason?: string
}

/** A likely secret that was taken over. Never anything of its value. */
interface Secret {
  readonly assistant_id: string
  readonly name: string
  readonly version: number
  readonly pointer: string
  readonly kind: string
}

/** Named at most: who has more has a list to work through already. */
const MOST_SECRETS = 100

/** @param from its URL @throws Failure */
export async function importFrom(context: Context, from: string, options: FromOptions): Promise<void> {
  const target = await importTarget(await context.service(), options.reason ?? `imported from ${from}`)
  await new ImportFrom(context, from, target).run(options.fromHeader)
}

class ImportFrom {
  private readonly done = { assistants: 0, changed: 0, written: 0, refused: 0, system: 0 }
  private readonly secrets: Secret[] = []

  constructor(
    private readonly context: Context,
    private readonly from: string,
    private readonly target: ServiceTarget,
  ) {}

  async run(headers: Readonly<Record<string, string>> | undefined): Promise<void> {
    const { assistantsOf, NoSuchServer } = await import('@assistant-ledger/audit')
    const { output, signal } = this.context
    const { done } = this
    const bar = await progress(output, 'importing', { total: 0, unit: 'assistants' })
    try {
      for await (const found of assistantsOf({ url: this.from, signal, ...(headers ? { headers } : {}) })) {
        await this.one(found)
        bar.update(done.assistants, done.assistants)
      }
    } catch (error) {
      bar.stop()
      if (done.assistants > 0)
        output.note(
          `broken off after ${counted(done.assistants, 'assistant')}; what was written stays, and is passed over when it is run again`,
        )
      this.noteSecrets()
      if (error instanceof NoSuchServer) throw new Failure(error.message)
      throw error
    } finally {
      bar.stop()
    }
    await this.tell()
  }

  private async one(found: Found): Promise<void> {
    const { ChangedThere } = await import('@assistant-ledger/audit')
    const { id, name, isSystem } = found
    const { done } = this
    try {
      if (isSystem) await this.passOver(found)
      else {
        const written = await this.take(found)
        done.written += written
        if (written > 0) done.changed += 1
      }
    } catch (error) {
      if (!(error instanceof ChangedThere) && !isRefusal(error)) throw error
      done.refused += 1
      this.context.output.note(`${name} (${id}): ${(error as Error).message}`)
    }
    if (!isSystem) done.assistants += 1
  }

  /** This project has its own. What somebody made of the one there is nobody's but theirs, and is said. */
  private async passOver({ id, name, count }: Found): Promise<void> {
    this.done.system += 1
    const versions = await count()
    if (versions > 1)
      this.context.output.note(
        `${name} (${id}): a system assistant that was changed there; its ${versions} versions are not taken over, make of the one here what is needed`,
      )
  }

  /** How many events were written. */
  private async take({ id, name, parts }: Found): Promise<number> {
    let written = 0
    const onMixed = (version: number, fields: readonly string[]) =>
      this.context.output.note(
        `${name} (${id}): what is live there is not its version ${version}: ${fields.join(', ')} stayed as it was when it went back to that; here it is all of version ${version}`,
      )
    for await (const part of parts(onMixed)) {
      const wrote = (await this.target.send<{ written: number }>('assistant', part, 'import')).written
      if (wrote > 0) this.look(part, name)
      written += wrote
    }
    return written
  }

  /** A version is taken as it is, and for good: who has a key in it should take that out of use. */
  private look({ assistant_id, versions }: AssistantPart, name: string): void {
    for (const { version, ...content } of versions)
      for (const { pointer, kind } of likelySecrets(content as ContentPatch)) {
        if (this.secrets.some((one) => one.assistant_id === assistant_id && one.pointer === pointer)) continue
        if (this.secrets.length <= MOST_SECRETS)
          this.secrets.push({ assistant_id, name, version, pointer, kind })
      }
  }

  private noteSecrets(): void {
    const { secrets } = this
    if (secrets.length === 0) return
    const { output } = this.context
    output.note(
      'what was taken over has likely secrets in it, which stay in the history: take them out of use',
    )
    for (const { name, assistant_id, version, pointer, kind } of secrets.slice(0, MOST_SECRETS))
      output.note(`${name} (${assistant_id}): ${pointer} looks like ${kind}, first in version ${version}`)
    if (secrets.length > MOST_SECRETS) output.note('and others')
  }

  private async tell(): Promise<void> {
    const { output } = this.context
    const { assistants, changed, written, refused, system } = this.done
    this.noteSecrets()
    if (output.mode === 'json')
      await output.json({
        from: this.from,
        ...this.done,
        likely_secrets: this.secrets.slice(0, MOST_SECRETS),
      })
    else {
      const passed =
        system === 0
          ? ''
          : `; ${counted(system, 'system assistant')} passed over, of which this project has its own`
      await output.line(
        `${this.from}: ${counted(assistants, 'assistant')}, ${changed} of them with something new: ${counted(written, 'event')} written${passed}`,
      )
    }
    if (refused > 0)
      throw new Failure(
        `assistants that were left as they are here: ${refused}; each is named above`,
        EXIT.changed,
      )
  }
}

/** Whether the service refused this one assistant; one that is busy, away or asks who you are has refused none. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Failure)) return false
  const { code, status = 0 } = error
  return code !== undefined && status >= 400 && status < 500 && ![401, 403, 429].includes(status)
}
