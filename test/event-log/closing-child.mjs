// A process that uses a log in an event store in every way, closes it while appends are under way, and has nothing then
// that keeps it alive. Runs on the build: `node closing-child.mjs <connection string> <project>`.
import { randomUUID } from 'node:crypto'
import { openEventStoreLog } from '@assistant-ledger/event-log'

const [url, project] = process.argv.slice(2)
const log = await openEventStoreLog({ url, project })
const stream = () => `closing.${project}-${randomUUID()}`
const event = () => ({ id: randomUUID(), type: 'Something', data: {}, metadata: {} })
const following = (async () => {
  for await (const _ of log.follow({ signal: new AbortController().signal }));
})()
await log.append(stream(), 'no_stream', [event()])
for await (const _ of log.readAll()) break
const appends = Array.from({ length: 50 }, () => log.append(stream(), 'no_stream', [event()]))
const closing = log.close()
const outcomes = await Promise.allSettled(appends)
await closing
await following
process.stdout.write(JSON.stringify(outcomes.map(({ status }) => status)))
