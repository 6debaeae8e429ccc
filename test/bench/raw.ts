// The raw limits that our figures are held against, measured in the same run on the same machine: a bare NATS
// responder in a process of its own, fsynced group-commit writes to a file, and a bare KV put with watchers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Figure, percentiles, pump } from './measure.js'
import { request } from './request.js'

const RESPONDER = `
import { connect } from '@nats-io/transport-node'
const nc = await connect({ servers: process.argv[1] })
const reply = process.argv[2]
nc.subscribe('bench.raw', { callback: (_error, message) => message.respond(reply) })
await nc.flush()
console.log('ready')
`

/** Request/reply with a responder that does nothing; the requester writes and reads the JSON as it does of ours. */
export async function rawRequests(
  url: string,
  count: number,
  inFlight: number,
  body: object,
  reply: unknown,
): Promise<Figure> {
  const args = ['--input-type=module', '-e', RESPONDER, url, JSON.stringify(reply)]
  const responder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(responder.stdout, 'data')
  const connection = await connect({ servers: url })
  try {
    const call = () => request(connection, 'bench.raw', body)
    await pump(Math.ceil(count / 4), inFlight, call)
    return await pump(count, inFlight, call)
  } finally {
    await connection.close()
    responder.kill('SIGKILL')
    await once(responder, 'exit')
  }
}

/** Appends of `bytes` to one file, all that wait sharing one fdatasync. */
export async function rawAppends(
  directory: string,
  count: number,
  inFlight: number,
  bytes: number,
): Promise<Figure> {
  const path = join(directory, 'raw-appends')
  const file = await open(path, 'a')
  const block = Buffer.alloc(bytes, 'x')
  let waiting: (() => void)[] = []
  let writing = false
  const write = async () => {
    writing = true
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await file.write(Buffer.concat(batch.map(() => block)))
      await file.datasync()
      for (const done of batch) done()
    }
    writing = false
  }
  const call = () =>
    new Promise<void>((done) => {
      waiting.push(done)
      if (!writing) void write()
    })
  try {
    return await pump(count, inFlight, call)
  } finally {
    await file.close()
    await rm(path)
  }
}

/** From a KV put to each of `watchers` seeing it, each on its own connection. */
export async function rawPutToWatch(url: string, watchers: number, rounds: number, bytes: number) {
  const connections: NatsConnection[] = []
  const writer = await connect({ servers: url })
  const bucket = await new Kvm(writer).create('bench_raw', { history: 1 })
  const took: number[] = []
  let arrived: () => void = () => {}
  try {
    await bucket.put('key', 'first')
    for (let i = 0; i < watchers; i++) {
      const connection = await connect({ servers: url })
      connections.push(connection)
      const watch = await (await new Kvm(connection).open('bench_raw')).watch({ key: 'key' })
      let ready: () => void = () => {}
      const first = new Promise<void>((resolve) => {
        ready = resolve
      })
      void (async () => {
        let seen = 0
        for await (const _entry of watch) {
          if (seen++ === 0) ready()
          else arrived()
        }
      })()
      await first
    }
    const value = Buffer.alloc(bytes, 'x')
    for (let round = 0; round < rounds; round++) {
      let from = 0
      await new Promise<void>((resolve) => {
        let left = watchers
        arrived = () => {
          took.push(performance.now() - from)
          left -= 1
          if (left === 0) resolve()
        }
        from = performance.now()
        void bucket.put('key', value)
      })
    }
    return percentiles(took)
  } finally {
    for (const connection of connections) await connection.close()
    await bucket.destroy()
    await writer.close()
  }
}

/** From a KV put to the last of `watchers` having acknowledged it to JetStream, each on its own connection. */
export async function rawPutWatchAck(
  url: string,
  watchers: number,
  rounds: number,
  bytes: number,
): Promise<number[]> {
  const connections: NatsConnection[] = []
  const writer = await connect({ servers: url })
  const manager = await jetstreamManager(writer)
  const bucket = await new Kvm(writer).create('bench_acks', { history: 1 })
  await manager.streams.add({ name: 'BENCH_ACKS', subjects: ['bench.acks.*'] })
  const took: number[] = []
  let arrived: () => void = () => {}
  writer.subscribe('bench.acks.*', { callback: () => arrived() })
  try {
    await bucket.put('key', 'first')
    for (let i = 0; i < watchers; i++) {
      const connection = await connect({ servers: url })
      connections.push(connection)
      const stream = jetstream(connection)
      const watch = await (await new Kvm(connection).open('bench_acks')).watch({ key: 'key' })
      let ready: () => void = () => {}
      const first = new Promise<void>((resolve) => {
        ready = resolve
      })
      void (async () => {
        let seen = 0
        for await (const entry of watch) {
          if (seen++ === 0) ready()
          // The last acknowledgements may come after the round is over, and the connection with it.
          else
            await stream
              .publish(`bench.acks.${i}`, JSON.stringify({ revision: entry.revision }))
              .catch(() => undefined)
        }
      })()
      await first
    }
    const value = Buffer.alloc(bytes, 'x')
    for (let round = 0; round < rounds; round++) {
      const from = performance.now()
      await new Promise<void>((resolve) => {
        let left = watchers
        arrived = () => {
          left -= 1
          if (left === 0) resolve()
        }
        void bucket.put('key', value)
      })
      took.push(performance.now() - from)
    }
    return took
  } finally {
    for (const connection of connections) await connection.close()
    await manager.streams.delete('BENCH_ACKS')
    await bucket.destroy()
    await writer.close()
  }
}
