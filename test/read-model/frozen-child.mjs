// Projects a batch and stops itself in the middle of the transaction, as a machine that hangs does. When it is let go
// on it says what became of that, and where it stands after a look.
import { writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { openReadModel } from '@assistant-ledger/read-model'

const [url, project] = process.argv.slice(2)
const events = JSON.parse(await text(process.stdin)).map((event) => ({
  ...event,
  revision: BigInt(event.revision),
  position: BigInt(event.position),
}))
const last = events.at(-1)
const newer = { ...last, revision: last.revision + 1n, metadata: { ...last.metadata, schema: 99 } }
const model = await openReadModel({ url, project })
const mayQuarantine = () => {
  writeSync(1, 'frozen\n')
  process.kill(process.pid, 'SIGSTOP')
  return true
}
const outcome = await model.apply([...events, newer], last.position, { mayQuarantine }).then(
  () => 'written',
  ({ name }) => name,
)
const there = await model.reached(last.position, 10_000)
console.log(`${outcome}, then ${there ? 'at the end' : 'behind'}`)
await model.close()
