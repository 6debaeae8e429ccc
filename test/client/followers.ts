// What the tests of the client stand on: a nats-server and a publisher of their own for each test, and followers that
// are closed after it.
import { type Assistants, type FollowOptions, followAssistants } from '@assistant-ledger/client'
import { type NatsServer, startNatsServer } from '../support/nats-server.js'
import { ENVIRONMENT, GRAPH, TestPublisher } from './publisher.js'

interface Ground {
  readonly server: NatsServer
  readonly publisher: TestPublisher
}

export interface Followers {
  /** Ends what was started before. @param config of the server's users, with the publisher's `user:password` */
  start(config?: string, publisherLogin?: string): Promise<Ground>
  follow(options?: Partial<FollowOptions>): Promise<Assistants>
  /** Closed by `stop`, all at once and before the server. */
  readonly open: { close(): Promise<unknown> }[]
  stop(): Promise<void>
}

/** @param defaults of each follower */
export function followers(defaults: Partial<FollowOptions> = {}): Followers {
  let ground: Ground | undefined
  const open: { close(): Promise<unknown> }[] = []
  const stop = async () => {
    await Promise.all(open.splice(0).map((one) => one.close()))
    await ground?.publisher.stop()
    await ground?.server.stop()
    ground = undefined
  }
  return {
    open,
    stop,
    async start(config = '', publisherLogin) {
      await stop()
      const server = await startNatsServer({ config })
      const url = publisherLogin ? `nats://${publisherLogin}@127.0.0.1:${server.port}` : server.url
      ground = { server, publisher: await TestPublisher.start(url) }
      return ground
    },
    async follow(options = {}) {
      const assistants = await followAssistants({
        servers: ground?.server.url ?? '',
        environment: ENVIRONMENT,
        graphs: [GRAPH],
        runner: { name: 'test' },
        initTimeoutMs: 5_000,
        ...defaults,
        ...options,
      })
      open.push(assistants)
      return assistants
    },
  }
}
