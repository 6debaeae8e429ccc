// The main job, shown on the seed example with measured figures: a new version swapped in by running
// workers, one refused by a worker's own check, a rollback, a guarded promotion that takes itself back, and a worker
// that was cut off catching up.
import type { Assistant, Bus, Receipt, Run } from './bus.js'
import type { Runner } from './runners.js'
import { BLOG, TWEET } from './seed.js'
import type { TcpProxy } from './tcp-proxy.js'

/** Enough runs that each of three runners, picked at random, almost surely takes one. */
const RUNS_SHOWN = 24

export interface Stage {
  readonly bus: Bus
  readonly runners: readonly Runner[]
  /** The runner whose check refuses `refusedModel`. */
  readonly strict: Runner
  readonly refusedModel: string
  /** The runner that reaches NATS through the proxy. */
  readonly remote: Runner
  readonly proxy: TcpProxy
  /** Prints one aligned line. */
  say(title: string, text: string): void
}

type Receipted = Assistant & { readonly receipt: Receipt }

/** A command answers when no runner lags any more. */
const WAITING = { wait: 'converged', wait_ms: 8_000 } as const

/** Plays the scene; every wait in it has a deadline, and what a runner last said comes with the error. */
export async function playScene(stage: Stage): Promise<void> {
  await bothRun(stage)
  const good = await newVersion(stage)
  await refusedByOne(stage)
  await rollBack(stage, good)
  await guarded(stage, good)
  await cutOff(stage)
}

async function bothRun({ bus, runners, say }: Stage): Promise<void> {
  for (const [title, id, topic] of [
    ['run', BLOG, 'why teams keep a changelog'],
    ['run', TWEET, 'why teams keep a changelog'],
  ] as const) {
    const assistant = await bus.request<Assistant>('get', { assistant_id: id })
    await allSwapped(runners, id, assistant.version)
    const began = performance.now()
    const { output } = await runOnce(bus, id, topic)
    say(title, `${assistant.name} v${assistant.version}: ${output.text} (${ms(performance.now() - began)})`)
  }
}

async function newVersion(stage: Stage): Promise<number> {
  const { bus, say } = stage
  const context = { prompt: 'Write a blog post in three short sections.', model: 'sample-deep' }
  const { version, receipt } = await changed(bus, context)
  say('new version', `blog writer v${version} is live`)
  say('receipt', shown(receipt))
  const { output } = await runOnce(bus, BLOG, 'why teams keep a changelog')
  say('next runs', `${await runsByVersion(bus)}: ${output.text}`)
  return version
}

async function refusedByOne({ bus, strict, refusedModel, say }: Stage): Promise<void> {
  const context = { prompt: 'Write a blog post in three short sections.', model: refusedModel }
  const { version, receipt } = await changed(bus, context)
  say('new version', `blog writer v${version} is live, with the model ${refusedModel}`)
  say('receipt', `${shown(receipt)}; it stays on v${strict.version(BLOG)}`)
  say('next runs', await runsByVersion(bus))
}

async function rollBack({ bus, runners, say }: Stage, before: number): Promise<void> {
  const { version, receipt } = await bus.request<Receipted>('rollback', { assistant_id: BLOG, ...WAITING })
  await allSwapped(runners, BLOG, before)
  say('rollback', `blog writer v${version} is live again: ${shown(receipt)}`)
}

/** The refusal breaks the guard's rule, and the registry itself takes the promotion back: the answer comes then. */
async function guarded({ bus, runners, refusedModel, say }: Stage, before: number): Promise<void> {
  const { version } = await bus.request<Assistant>('update', {
    assistant_id: BLOG,
    context: { prompt: 'Write a blog post in one line.', model: refusedModel },
    promote: false,
  })
  const sent = performance.now()
  const guard = { min_active: '100%', within_ms: 5_000, on_reject: 'rollback' }
  const { receipt } = await bus.request<Receipted>('promote', {
    assistant_id: BLOG,
    version,
    guard,
    ...WAITING,
  })
  if (receipt.taken_back?.version !== before)
    throw new Error(`version ${version} was not taken back: ${shown(receipt)}`)
  await allSwapped(runners, BLOG, before)
  const after = ms(performance.now() - sent)
  const refused = receipt.rejected.map(({ runner, reason }) => `${runner} refuses it: ${reason}`).join(', ')
  say('guarded', `v${version} is promoted under the guard that all accept it; ${refused}`)
  say('taken back', `by the registry itself: v${before} is live again ${after} after the promotion`)
}

/** The cut is a silent one first, so that the change is lost on its way; then the connection breaks. */
async function cutOff({ bus, runners, remote, proxy, say }: Stage): Promise<void> {
  proxy.swallow()
  const sent = performance.now()
  const { version } = await bus.request<Assistant>('update', {
    assistant_id: BLOG,
    context: { prompt: 'Write a blog post that a child can read.', model: 'sample-deep' },
  })
  const others = runners.filter((runner) => runner !== remote)
  const times = await swapTimes(others, version, sent)
  say('cut off', `${remote.name}, still on v${remote.version(BLOG)} while v${version} goes live: ${times}`)
  proxy.cut()
  proxy.heal()
  const healed = performance.now()
  const caughtUp = await remote.swapped(BLOG, version)
  const after = ms(caughtUp - healed)
  say('caught up', `${remote.name} serves v${version} ${after} after the cut ended, without another write`)
}

/** Resolves when each of the runners serves that version. */
export function allSwapped(runners: readonly Runner[], id: string, version: number): Promise<number[]> {
  return Promise.all(runners.map((runner) => runner.swapped(id, version)))
}

function changed(bus: Bus, context: object): Promise<Receipted> {
  return bus.request<Receipted>('update', { assistant_id: BLOG, context, ...WAITING })
}

function shown({ active, of, hash, first_ms, last_ms, rejected, lagging }: Receipt): string {
  const times =
    first_ms === undefined || last_ms === undefined
      ? ''
      : `, the first after ${ms(first_ms)}, the last after ${ms(last_ms)}`
  const refusals = rejected.map(({ runner, reason }) => `; refused by ${runner}: ${reason}`).join('')
  const late = lagging.length > 0 ? `; lagging: ${lagging.join(', ')}` : ''
  return `${active} of ${of} runners are on ${hash.slice(0, 8)}${times}${refusals}${late}`
}

async function swapTimes(runners: readonly Runner[], version: number, sentMs: number): Promise<string> {
  const times = await allSwapped(runners, BLOG, version)
  return runners.map((runner, i) => `${runner.name} ${ms((times[i] ?? 0) - sentMs)}`).join(', ')
}

async function runsByVersion(bus: Bus): Promise<string> {
  const refs = await Promise.all(
    Array.from({ length: RUNS_SHOWN }, async () => (await runOnce(bus, BLOG, 'changelogs')).ref),
  )
  const counts = new Map<string, number>()
  for (const ref of refs) {
    const version = `v${/@\d+\.(\d+)#/.exec(ref)?.[1]}`
    counts.set(version, (counts.get(version) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a], [b]) => a.localeCompare(b))
  return sorted.map(([version, count]) => `${count} of ${RUNS_SHOWN} on ${version}`).join(', ')
}

function runOnce(bus: Bus, assistantId: string, topic: string): Promise<Run> {
  return bus.request<Run>('runs.writer', { assistant_id: assistantId, input: { topic } })
}

function ms(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`
}
