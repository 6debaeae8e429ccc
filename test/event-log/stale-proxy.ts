// A TCP proxy whose open connections can be made to go stale, as when a firewall forgets them: they stay open and pass
// nothing for ever, while new ones pass everything.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface StaleProxy {
  readonly port: number
  /** Bytes that came from the server. */
  readonly passed: number
  /** What is open now passes nothing any more. */
  stale(): void
  close(): Promise<void>
}

export async function startStaleProxy(port: number): Promise<StaleProxy> {
  const open = new Set<Socket>()
  let passed = 0
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    near.pipe(far).pipe(near)
    far.on('data', (chunk: Buffer) => {
      passed += chunk.length
    })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return passed
    },
    stale() {
      for (const socket of open) socket.unpipe().pause()
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
