// A TCP proxy on loopback that stands between one client and NATS, to cut that client off in the two ways a
// network does: silently (connections stay open, nothing passes) and loudly (connections break).
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** As a NATS address. */
  readonly url: string
  /** Keeps every connection open, also new ones, but passes nothing on, either way. */
  swallow(): void
  /** Breaks every connection, and every new one at once. */
  cut(): void
  /** Passes again. What was swallowed was held back, not lost, and goes on first, as TCP would have it. */
  heal(): void
  close(): Promise<void>
}

type Mode = 'forward' | 'swallow' | 'cut'

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let mode: Mode = 'forward'
  const pairs = new Set<readonly [Socket, Socket]>()

  const server = createServer((near) => {
    if (mode === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = connect(target)
    const pair = [near, far] as const
    pairs.add(pair)
    near.setNoDelay(true)
    far.setNoDelay(true)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => {
        if (mode === 'forward') from.resume()
      })
      from.on('end', () => to.end())
      from.on('error', () => undefined)
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
    }
    if (mode === 'swallow') pause(pair)
  })

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    swallow() {
      mode = 'swallow'
      for (const pair of pairs) pause(pair)
    },
    cut() {
      mode = 'cut'
      for (const pair of pairs) for (const socket of pair) socket.destroy()
    },
    heal() {
      mode = 'forward'
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    async close() {
      mode = 'cut'
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function pause(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.pause()
}
