// A process whose files may not grow any more at some point: appends until one fails, then tells how it and the
// next ones failed. Runs on the build: `node full-disk-child.mjs <log file>`.
import { randomUUID } from 'node:crypto'
import { openEmbeddedLog } from '@assistant-ledger/event-log'

const log = await openEmbeddedLog({ file: process.argv[2] })
const follower = (async () => {
  for await (const _ of log.follow({ signal: new AbortController().signal }));
})().catch(({ name }) => name)

let acknowledged = -1
for (;;) {
  const events = [
    {
      id: randomUUID(),
      type: 'Written',
      data: { n: acknowledged + 1, text: 'x'.repeat(20_000) },
      metadata: {},
    },
  ]
  const expected = acknowledged < 0 ? 'no_stream' : BigInt(acknowledged)
  try {
    await log.append('full', expected, events)
    acknowledged += 1
  } catch (error) {
    const later = await log.append('other', 'no_stream', events).catch(({ name }) => name)
    const readable = []
    for await (const { revision } of log.readStream('full', { direction: 'backward', limit: 1 }))
      readable.push(Number(revision))
    const told = { failed: error.name, later, follower: await follower, acknowledged, readable, events }
    process.stdout.write(JSON.stringify(told))
    await log.close()
    break
  }
}
