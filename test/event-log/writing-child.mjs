// A process that writes to a log as fast as it can, noting each acknowledged append in a file, until it is killed.
// Runs on the build: `node writing-child.mjs <log file> <notes file>`.
import { randomUUID } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { openEmbeddedLog } from '@assistant-ledger/event-log'

const WRITERS = 16
const [file, notes] = process.argv.slice(2)
const log = await openEmbeddedLog({ file })
const acknowledged = openSync(notes, 'a')
process.stdout.write('open\n')

async function write(stream) {
  let expected = 'no_stream'
  for (;;) {
    const append = randomUUID()
    const of = 1 + Math.floor(Math.random() * 5)
    const events = Array.from({ length: of }, (_, i) => ({
      id: randomUUID(),
      type: 'Written',
      data: { append, i, of, text: 'x'.repeat(2048) },
      metadata: {},
    }))
    const { revision, position } = await log.append(stream, expected, events)
    expected = revision
    // Synchronously, so that what is noted was acknowledged and what was acknowledged before is noted.
    writeSync(acknowledged, `${JSON.stringify([stream, Number(revision), Number(position), append])}\n`)
  }
}

await Promise.all(Array.from({ length: WRITERS }, () => write(`killed-${randomUUID()}`)))
