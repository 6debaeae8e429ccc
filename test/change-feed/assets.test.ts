// Streams and bucket that are there with other settings: the start says which, in words that a person can act on.
import { AssetMismatch, ensureAssets, eventStreamConfig } from '@assistant-ledger/change-feed'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { jetstreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { PROJECT } from '../faults/commands.js'
import { Feed } from './feed.js'

let feed: Feed
beforeEach(async () => {
  feed = await Feed.begin()
})
afterEach(() => feed.end())

test('a stream with another retention - named in days, with the command that helps', async () => {
  const manager = await jetstreamManager(feed.connection)
  const { name } = eventStreamConfig(PROJECT)
  await manager.streams.add({ ...eventStreamConfig(PROJECT), max_age: nanos(90_000_000) })
  const error = await ensureAssets(feed.connection, PROJECT).catch((reason: Error) => reason)
  expect(error).toBeInstanceOf(AssetMismatch)
  expect((error as Error).message).toBe(
    `stream ${name} has max_age = 90000 seconds, 30 days is wanted; stop the registry, delete the stream with the nats command line (nats stream rm ${name}) and start again: it comes back from the log`,
  )
  await manager.streams.delete(name)
  await ensureAssets(feed.connection, PROJECT)
})
