// The vendor's client, kept to what is safe of it: appends over the `Append` call of their own, which ends when its
// deadline says so, and never over the one long-lived `BatchAppend` call, where an answer that does not come is waited
// for for ever and one that comes twice ends the process. And a connection of its own that can be closed.
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
    const getChannel = this.getChannel
    this.getChannel = () => {
      this.channel = getChannel()
      return this.channel
    }
  }

  /** Cuts what is under way and closes the connection, which `dispose` leaves open. */
  async close(): Promise<void> {
    await this.dispose()
    const channel = await this.channel?.catch(() => undefined)
    channel?.close()
  }
}
