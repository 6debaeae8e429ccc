// npx tsx examples/worker.ts <assistant_id> [topic], while `npm start` runs: one run, then every swap until Ctrl-C.
import { followAssistants, natsAddress } from '@assistant-ledger/client'
import { graph } from '../graphs/writer.js'

const [assistantId = '', topic = 'tea'] = process.argv.slice(2)
const { servers, login: nats = {} } = natsAddress(process.env) // NATS_URL or port 4222 here, NATS_USER, NATS_PASSWORD
const assistants = await followAssistants({
  servers,
  nats,
  environment: 'live',
  graphs: ['writer'],
  cacheDir: './data/worker-cache',
  runner: { name: 'example-worker', build: process.env.GIT_SHA ?? 'dev' },
  validate: ({ context }) => typeof context.model === 'string' || 'it names no model', // refuse what cannot run here
})
assistants.on('reload', ({ id, from = 'nothing', to }) => console.log(`${id}: ${from} -> ${to}`))
process.once('SIGINT', () => assistants.close())
if (!(await assistants.live(10_000))) console.error('not live:', assistants.status().lastError)
const assistant = assistants.get(assistantId) // local, synchronous, frozen
const { text } = await graph.invoke({ topic }, assistant.runOptions({ configurable: { thread_id: 'one' } }))
console.log(text, assistant.ref) // the reference names exactly what ran: keep it with the thread
