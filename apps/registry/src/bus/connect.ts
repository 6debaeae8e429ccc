// The bus's connection: it waits for a broker that is not there yet, and reconnects for ever once it was.

import { setTimeout as delay } from 'node:timers/promises'
import { connect, errors, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { BadSetting } from '../settings.js'
import { BUS_LIMITS } from './limits.js'

const SETTINGS: NodeConnectionOptions = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  reconnectJitter: 500,
  pingInterval: 5_000,
  maxPingOut: 2,
  timeout: BUS_LIMITS.connectTimeoutMs,
  // Otherwise every request makes two errors, stack and all, in case it fails.
  noAsyncTraces: true,
}

/**
 * Connects as soon as the broker can be reached; ours to abort, which the client library's own wait is not.
 * @param waiting called once, when the first attempt has failed
 * @throws BadSetting when the broker refuses the credentials @throws the signal's reason
 */
export async function connectWhenThere(
  options: NodeConnectionOptions,
  signal: AbortSignal,
  waiting: (error: Error) => void,
): Promise<NatsConnection> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      const connection = await connect({ ...options, ...SETTINGS })
      if (!signal.aborted) return connection
      await connection.close()
    } catch (error) {
      if (error instanceof errors.AuthorizationError)
        throw new BadSetting(
          `NATS at ${options.servers} refuses ${options.user ? `the user ${options.user}` : 'a connection without a user'}: set NATS_USER and NATS_PASSWORD to one that its configuration has`,
        )
      if (error instanceof errors.InvalidArgumentError) throw error
      if (attempt === 1) waiting(error as Error)
    }
    await delay(BUS_LIMITS.connectRetryMs, undefined, { signal })
  }
}
