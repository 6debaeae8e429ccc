// The repair of the feed, as it is told.
import type { Context } from '../context.js'
import { EXIT } from '../failure.js'
import { progress } from '../output/progress.js'
import { linesFrom } from '../service/lines.js'

interface Done {
  readonly step: 'done'
  readonly keys: { readonly equal: number; readonly repaired: number; readonly unknown: number }
  readonly events: {
    readonly equal: number
    readonly appended: number
    readonly differs?: { readonly sequence: number; readonly stream?: string; readonly revision?: number }
  }
  readonly consumers: readonly { readonly name: string; readonly pending: number }[]
}

type FeedLine = Done | { readonly step: 'keys' | 'events'; readonly done: number }

export interface FeedOptions {
  readonly dryRun?: boolean
  readonly recreate?: boolean
}

export async function replayFeed(
  context: Context,
  { dryRun = false, recreate = false }: FeedOptions,
): Promise<void> {
  const { output, signal } = context
  const body = { dry_run: dryRun, recreate }
  const bar = await progress(output, 'comparing', { total: 1, unit: 'keys and events' })
  let done: Done | undefined
  try {
    for await (const line of linesFrom<FeedLine>(await context.service(), '/admin/replay/feed', body, signal))
      if (line.step === 'done') done = line
      else bar.update(line.done, line.done)
    signal.throwIfAborted()
  } finally {
    bar.stop()
    if (signal.aborted)
      output.note('broken off: each key is either as it was or repaired; run it again to go on')
  }
  if (!done) return
  if (output.mode === 'json') await output.json(done)
  else await tell(context, done, { dryRun, recreate })
  if (done.events.differs && !recreate) context.exit(EXIT.differs)
}

async function tell(
  { output }: Context,
  { keys, events, consumers }: Done,
  { dryRun, recreate }: Required<FeedOptions>,
): Promise<void> {
  const would = (what: string) => (dryRun ? `would be ${what}` : what)
  await output.line(
    `keys: ${keys.equal} as the log says, ${keys.repaired} ${would('repaired')}, ${keys.unknown} unknown to the log ${would('buried')}`,
  )
  const { differs } = events
  await output.line(
    `events: ${events.equal} as the log says, ${events.appended} ${would(recreate ? 'published again' : 'appended')}`,
  )
  if (differs) {
    const where =
      differs.stream === undefined
        ? 'the log has no such event'
        : `event ${differs.revision} of ${differs.stream} belongs there`
    await output.line(`message ${differs.sequence} is not what the log has: ${where}`)
  }
  const lost = consumers.map(({ name, pending }) => `${name} (${pending} not delivered yet)`).join(', ')
  const names = lost === '' ? 'nobody has a consumer on it' : `consumers that lose their place: ${lost}`
  if (recreate) await output.line(`the event stream ${would('made again')}; ${names}`)
  else if (differs) await output.line(`only --recreate makes the event stream right again; ${names}`)
}
