// The stand-in's process: killed, frozen, started again, and gone with its parent.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, jest, test } from '@jest/globals'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { event, events, failure, freshStream, revisions, Server } from './observe.js'

jest.setTimeout(60_000)

let standIn: StandIn
let servers: Server[] = []

async function start(dir?: string): Promise<Server> {
  standIn = await startStandIn(dir === undefined ? {} : { dir })
  return connect()
}

function connect(): Server {
  const server = new Server(standIn.url)
  servers.push(server)
  return server
}

afterEach(async () => {
  await standIn.stop()
  for (const server of servers) await server.close()
  servers = []
})

test('killed while many write, it has what it acknowledged, once, on the same port', async () => {
  const { append } = bound(await start())
  const acknowledged = new Map<string, bigint>()
  let isOver = false
  const write = async (stream: string) => {
    for (let n = 0; !isOver; n++) {
      const written = await append(stream, events(1), n === 0 ? 'no_stream' : BigInt(n - 1)).catch(
        () => undefined,
      )
      if (!written) return
      acknowledged.set(stream, written.nextExpectedRevision)
    }
  }
  const writers = Array.from({ length: 8 }, () => write(freshStream()))
  while (acknowledged.size < 8) await append(freshStream(), events(1), 'any')
  await standIn.kill()
  isOver = true
  await Promise.all(writers)
  await standIn.restart()
  const again = connect()
  for (const [stream, last] of acknowledged) {
    const stored = (await revisions(again.client.readStream(stream))).split(' ')
    // One append more may have been under way.
    expect([Number(last) + 1, Number(last) + 2]).toContain(stored.length)
    expect(stored).toEqual(stored.map((_, i) => `${i}`))
  }
})

test('what was half written is cut off, what stands before is kept, and positions go on', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'event-store-stand-in-test-'))
  const server = await start(dir)
  const stream = freshStream()
  const { position: first } = await server.append(stream, events(2), 'no_stream')
  await server.append(stream, events(2), 1n)
  await standIn.kill()
  const file = join(dir, 'events.log')
  await truncate(file, (await readFile(file)).length - 3)
  await standIn.restart()
  const cut = connect()
  expect(await revisions(cut.client.readStream(stream))).toBe('0 1')
  const { position: next } = await cut.append(stream, events(1), 1n)
  expect(next?.commit).toBeGreaterThan(first?.commit ?? 0n)
  await standIn.kill()
  await appendFile(file, Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]))
  await standIn.restart()
  expect(await revisions(connect().client.readStream(stream))).toBe('0 1 2')
  await standIn.stop()
  await rm(dir, { recursive: true })
})

test('a repeated append is known after a restart by its revision, and not without one', async () => {
  const server = await start()
  const [stream, sent] = [freshStream(), events(2)]
  await server.append(stream, sent, 'no_stream')
  await standIn.restart()
  const again = connect()
  expect((await again.append(stream, sent, 'no_stream')).nextExpectedRevision).toBe(1n)
  expect((await again.append(stream, sent, 'any')).nextExpectedRevision).toBe(3n)
})

test('frozen, nothing answers; thawed, it goes on', async () => {
  const server = await start()
  const stream = freshStream()
  await server.append(stream, events(1), 'no_stream')
  await standIn.freeze()
  const options = { credentials: { username: 'a', password: 'b' }, deadline: 300 }
  expect(await server.client.appendToStream(stream, event(), options).catch(failure)).toBe(
    'deadline-exceeded',
  )
  await standIn.thaw()
  expect((await server.append(stream, events(1), 'any')).success).toBe(true)
})

test('a hundred calls on one connection, and one more waits', async () => {
  const server = await start()
  const open = Array.from({ length: 100 }, () => server.client.subscribeToAll({ fromPosition: 'end' }))
  await Promise.all(open.map((subscription) => once(subscription, 'confirmation')))
  const options = { credentials: { username: 'a', password: 'b' }, deadline: 500 }
  expect(await server.client.appendToStream(freshStream(), event(), options).catch(failure)).toBe(
    'deadline-exceeded',
  )
  await open[0]?.unsubscribe()
  expect((await server.append(freshStream(), events(1), 'any')).success).toBe(true)
  for (const subscription of open) await subscription.unsubscribe()
})

test.each(['running', 'frozen'])('%s, it ends with its parent, however that ends', async (state) => {
  const server = await start()
  const script = `
    import { startStandIn } from './test/support/event-store/start.ts'
    const standIn = await startStandIn()
    if (${state === 'frozen'}) await standIn.freeze()
    console.log(standIn.pid)
    setInterval(() => undefined, 1_000)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(String(line))
  expect(isRunning(pid)).toBe(true)
  parent.kill('SIGKILL')
  while (isRunning(pid)) await server.append(freshStream(), events(1), 'any')
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function bound(server: Server) {
  return { append: server.append.bind(server) }
}
