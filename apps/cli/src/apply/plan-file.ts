// A plan kept in a file, to be looked at and then done as it is: what was changed meanwhile is refused then.
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isObject } from '../content.js'
import { Failure, oneLine, usage } from '../failure.js'
import { isAssistantId } from '../service/naming.js'
import { readText } from '../text-file.js'
import type { Action } from './plan.js'

const FORMAT = 1

interface PlanFile {
  readonly format: typeof FORMAT
  /** The service that it was made for. */
  readonly url: string
  readonly actions: readonly Action[]
}

/** Owner-only: a prompt may be nobody else's business. @throws Failure */
export async function writePlan(path: string, url: string, actions: readonly Action[]): Promise<void> {
  const plan: PlanFile = { format: FORMAT, url, actions }
  try {
    await writeFile(path, `${JSON.stringify(plan, undefined, 2)}\n`, { mode: 0o600 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw usage(`the plan cannot be written: there is no folder ${dirname(path)}`)
    if (code === 'EISDIR') throw usage(`the plan cannot be written: ${path} is a folder; name a file`)
    throw new Failure(`the plan cannot be written to ${path}: ${(error as Error).message}`)
  }
}

/** @throws Failure for one that is none, or is for another service */
export async function readPlan(path: string, url: string): Promise<readonly Action[]> {
  const text = await readText(path)
  let plan: unknown
  try {
    plan = JSON.parse(text)
  } catch (error) {
    throw usage(
      `the plan ${path} cannot be read: ${oneLine((error as Error).message)}; make it again with: assistants plan --out ${path}`,
    )
  }
  if (!isObject(plan) || plan.format !== FORMAT || !Array.isArray(plan.actions))
    throw usage(`${path} is no plan of this version; make one with: assistants plan --out ${path}`)
  if (plan.url !== url) throw usage(`the plan ${path} was made for ${plan.url}, not for ${url}`)
  const actions: readonly unknown[] = plan.actions
  if (!actions.every(isAction)) throw usage(`the plan ${path} was altered; make it again`)
  return actions as readonly Action[]
}

/** What each kind has to have: a revision that is missing would overwrite what was changed meanwhile. */
const NEEDED: Readonly<Record<Action['action'], readonly string[]>> = {
  create: ['body'],
  update: ['body', 'revision', 'to'],
  promote: ['version', 'revision', 'to'],
  delete: ['revision'],
  none: [],
}

const isAction = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.action === 'string' &&
  Object.hasOwn(NEEDED, value.action) &&
  isAssistantId(String(value.assistant_id)) &&
  Array.isArray(value.changes) &&
  NEEDED[value.action as Action['action']].every((field) => value[field] !== undefined)
