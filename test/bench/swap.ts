// From the acknowledgement of a change to the runner that runs it, beside a bare KV put and its watchers.
import { setTimeout } from 'node:timers/promises'
import { followAssistants } from '@assistant-ledger/client'
import type { NatsConnection } from '@nats-io/transport-node'
import { ms, percentiles, type Report } from './measure.js'
import { rawPutToWatch } from './raw.js'
import { allRecorded, ask } from './request.js'
import { sampleContent, sampleId } from './samples.js'

const ROUNDS = 100
const LOOK_EVERY_MS = 50

export async function benchSwap(
  report: Report,
  url: string,
  connection: NatsConnection,
  runners: number,
): Promise<void> {
  const assistant_id = sampleId(0)
  const followers = []
  for (let i = 0; i < runners; i++)
    followers.push(
      await followAssistants({
        servers: url,
        environment: 'live',
        graphs: ['writer'],
        runner: { name: `bench-${i}`, build: 'bench' },
      }),
    )
  // A fleet that has just come reports everything that it holds; that is another figure.
  while (followers.some((follower) => follower.status().reports.waiting > 0)) await setTimeout(LOOK_EVERY_MS)
  await allRecorded(connection)
  const took: number[] = []
  const sinceSent: number[] = []
  let arrived: (hash: number) => void = () => {}
  for (const follower of followers)
    follower.on('reload', ({ id }) => {
      if (id === assistant_id) arrived(performance.now())
    })
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const swaps: number[] = []
      const all = new Promise<void>((resolve) => {
        arrived = (at) => {
          swaps.push(at)
          if (swaps.length === runners) resolve()
        }
      })
      const sent = performance.now()
      await ask(connection, 'update', {
        assistant_id,
        ...sampleContent(0, round),
        metadata: { round, runners },
      })
      const acknowledged = performance.now()
      await all
      // A swap that outran its acknowledgement took no time after it.
      for (const at of swaps) {
        took.push(Math.max(0, at - acknowledged))
        sinceSent.push(at - sent)
      }
    }
  } finally {
    await Promise.all(followers.map((follower) => follower.close()))
  }
  const raw = await rawPutToWatch(url, runners, ROUNDS, 2600)
  const ours = percentiles(took)
  const whole = percentiles(sinceSent)
  report.keep(`swap_${runners}`, { ours, whole, raw })
  for (const [which, aim] of [
    ['p50_ms', 3],
    ['p99_ms', 5],
  ] as const) {
    const ratio = ours[which] / raw[which]
    report.row({
      section: 'swap',
      name: `acknowledged -> swapped, ${runners} runner(s), ${which.slice(0, 3)}`,
      figure: `${ms(ours[which])} ms`,
      raw: `${ms(raw[which])} ms (put -> watch)`,
      ratio,
      aim: `<= ${aim} x`,
      met: ratio <= aim,
    })
  }
  report.row({
    section: 'swap',
    name: `sent -> swapped, ${runners} runner(s), p50/p99`,
    figure: `${ms(whole.p50_ms)}/${ms(whole.p99_ms)} ms`,
    raw: `${ms(raw.p50_ms)}/${ms(raw.p99_ms)} ms (put -> watch)`,
  })
}
