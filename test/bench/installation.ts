// One machine's installation, as `npm start` makes it: a NATS server and a registry over a data directory of its own,
// gone afterwards.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { freePort } from '../observability/scrape.js'
import { startNatsServer } from '../support/nats-server.js'
import { startRegistry } from '../support/registry.js'
import type { Report } from './measure.js'
import { residentMiB } from './processes.js'
import { atRest } from './request.js'

export interface Installation {
  /** Of NATS, and of the registry's HTTP side. */
  readonly url: string
  readonly http: string
  readonly dataDir: string
  readonly connection: NatsConnection
  /** Stops and starts the registry; milliseconds until it was ready again. */
  restart(): Promise<number>
  pid(): number
}

/** @param prepare fills the data directory before the registry starts */
export async function withInstallation(
  prepare: (dataDir: string) => Promise<void>,
  run: (installation: Installation) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'assistant-ledger-bench-'))
  const nats = await startNatsServer()
  try {
    await prepare(dataDir)
    const port = await freePort()
    const start = () => startRegistry({ natsUrl: nats.url, dataDir, env: { PORT: String(port) } })
    let registry = await start()
    const connection = await connect({ servers: nats.url })
    await atRest(connection)
    const restart = async () => {
      await registry.stop()
      const from = performance.now()
      registry = await start()
      return performance.now() - from
    }
    try {
      const http = `http://127.0.0.1:${port}`
      await run({ url: nats.url, http, dataDir, connection, restart, pid: () => registry.pid })
    } finally {
      await connection.close()
      await registry.stop()
    }
  } finally {
    await nats.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

export async function benchMemory(report: Report, name: string, installation: Installation): Promise<void> {
  const mib = await residentMiB(installation.pid())
  report.keep(`memory_${name}`, mib)
  report.row({ section: 'memory', name: `registry resident, ${name}`, figure: `${mib.toFixed(0)} MiB` })
}
