// The options that plan and apply have in common.
import type { Command } from 'commander'
import { usage } from '../failure.js'
import { collected, type PlaceOptions, placeOptions } from '../options.js'
import { DEFAULT_OWNER } from './mark.js'
import type { Scope } from './plan.js'

export interface ApplyOptions extends PlaceOptions {
  readonly file?: readonly string[]
  readonly prune?: boolean
  readonly owner?: string
}

export const applyOptions = (command: Command): Command =>
  placeOptions(
    command.option('-f, --file <path>', 'a file, a folder, or - for the standard input', collected),
    'the environment that is to be so (live)',
    'make versions, in no environment',
  )
    .option('--prune', 'delete what apply made and no file says any more')
    .option('--owner <name>', 'whose those are: one name for each set of files (default)')

export function scopeOf({ to, promote, prune, owner = DEFAULT_OWNER }: ApplyOptions): Scope {
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/.test(owner))
    throw usage(
      `--owner has 1 to 100 letters, digits, dots, dashes and slashes; not ${JSON.stringify(owner)}`,
    )
  return { to: promote ? (to ?? 'live') : null, owner, prune: prune === true }
}
