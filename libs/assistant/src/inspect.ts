// What a content is looked at for when a command brings it: likely secrets, and what the schemas of its graph say. It is
// refused for that, or taken and noted in the event.
import type { CommandContext, ContentPatch } from './command.js'
import type { Noted } from './events.js'
import type { Refusal } from './refusal.js'
import { likelySecrets, refusedSecrets } from './secrets.js'
import { misfit } from './violations.js'

/**
 * What is to be noted of a content, or why it is refused. Secrets are looked for in what the command brings: what is
 * kept of the version before was let through then.
 */
export function inspect(
  given: ContentPatch,
  into: string | undefined,
  context: CommandContext,
): Noted | Refusal {
  const secrets = likelySecrets(given)
  return (
    refusedSecrets(secrets, context) ??
    (context.check && misfit(context.check, context.actor, into)) ?? {
      ...(secrets.length === 0 ? {} : { secrets: [...new Set(secrets.map(({ pointer }) => pointer))] }),
      ...violationsOf(context),
    }
  )
}

export const violationsOf = ({ check }: CommandContext): Pick<Noted, 'violations'> =>
  check && check.violations.length > 0 ? { violations: check.violations } : {}
