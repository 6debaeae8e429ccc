// The vendor's client, kept to what is safe of it: appends over the `Append` call of their own, which ends when its
// deadline says so, and never over the one long-lived `BatchAppend` call, where an answer that does not come is waited
// for for ever and one that comes twice ends the process. And a connection of its own that can be closed at any time.
import { Writable } from 'node:stream'
import { EventStoreDBClient } from '@eventstore/db-client'
import type { NodeSettings } from './settings.js'

let made = 0

export class NodeClient extends EventStoreDBClient {
  /** Batch appends are what this asks for; it also is a call without a deadline. */
  protected override supports = async (): Promise<boolean> => false
  private channel: ReturnType<typeof this.getChannel> | undefined

  constructor({ node, credentials, user }: NodeSettings) {
    // Channels with equal options share one connection in the whole process, also one that is dead, and each
    // connection carries 100 calls at a time. An option that differs by a millisecond makes it a connection of its own.
    const keepAliveTimeout = node.keepAliveTimeout + (made++ % 1_000)
    // The overloads differ in how nodes are found only.
    super(
      { ...node, keepAliveTimeout } as ConstructorParameters<typeof EventStoreDBClient>[0],
      credentials,
      user,
    )
    const { getChannel, execute } = this
    this.getChannel = () => {
      this.channel = getChannel()
      return this.channel
    }
    this.execute = (service, name, action) => execute(service, name, (client) => action(guarded(client)))
  }

  /** Cuts what is under way and closes the connection, which `dispose` leaves open. */
  async close(): Promise<void> {
    await this.dispose()
    const channel = await this.channel?.catch(() => undefined)
    channel?.close()
  }
}

/** The call of an append, as gRPC has it: options, then what is called in the end. */
type Append = (...call: [...unknown[], (error: Error) => void]) => unknown

/**
 * A connection may be closed by us, or by the client after some other call's failure, just before an append is sent on
 * it. gRPC then throws, where the client has nobody to catch it: an unhandled rejection, which ends the process. Here
 * it is an append that failed.
 */
function guarded<Client extends object>(client: Client): Client {
  const { append } = client as { readonly append?: Append }
  if (!append) return client
  return Object.create(client, {
    append: {
      value: (...call: Parameters<Append>) => {
        try {
          return append.apply(client, call)
        } catch (error) {
          const done = call.at(-1) as (error: unknown) => void
          done(error)
          return new Writable({ objectMode: true, write: (_chunk, _encoding, written) => written() })
        }
      },
    },
  })
}
