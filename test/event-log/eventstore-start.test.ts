// Opening a log in an event store, and closing it: what is missing is said in one line, and nothing is left behind.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { EventStoreNotReady, type Missing, openEventStoreLog } from '../../libs/event-log/src/index.js'
import { type StandIn, startStandIn } from '../support/event-store/start.js'
import { PROJECT } from './events.js'

jest.setTimeout(60_000)

let standIn: StandIn
beforeAll(async () => {
  standIn = await startStandIn()
})
afterAll(() => standIn?.stop())

async function refusal(url: string): Promise<EventStoreNotReady> {
  const error = await openEventStoreLog({ url, project: PROJECT }).then(
    async (log) => {
      await log.close()
      return undefined
    },
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(EventStoreNotReady)
  const refused = error as EventStoreNotReady
  expect(refused.message).not.toMatch(/\n|s3cret/)
  return refused
}

describe('a connection string', () => {
  test.each([
    ['http://localhost:2113', /esdb:\/\//],
    ['', /esdb:\/\//],
    ['esdb://user:s3cret@', /esdb:\/\//],
    ['esdb://user@host:2113', /user:password/],
    ['esdb://user:s3cret:more@host:2113', /%3A/],
    ['esdb://user:s3cret@host:2113?keepAliveInterval=soon', /esdb:\/\//],
    ['esdb://user:s3cret@host:2113?tlsCAFile=/nowhere/ca.crt', /tlsCAFile.*\/nowhere\/ca.crt/],
    ['esdb://user:s3cret@host:2113?userCertFile=/nowhere/a', /userKeyFile/],
  ])('%s is refused in one line, which has no password', async (url, says) => {
    const { missing, message } = await refusal(url)
    expect(missing).toBe('url')
    expect(message).toMatch(/EVENTSTORE_URL/)
    expect(message).toMatch(says)
  })

  test('of the new name opens as well', async () => {
    const log = await openEventStoreLog({ url: standIn.url.replace('esdb:', 'kurrentdb:'), project: PROJECT })
    expect(await log.head()).toBeGreaterThanOrEqual(0n)
    await log.close()
  })
})

describe('a start', () => {
  const missing = async (url: string): Promise<Missing> => (await refusal(url)).missing

  test('where nobody answers says where', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const { missing, message } = await refusal(`esdb://127.0.0.1:${port}?tls=false`)
    expect(missing).toBe('away')
    expect(message).toContain(`127.0.0.1:${port}`)
    expect(message).toContain('ECONNREFUSED')
  })

  test('where somebody listens and says nothing ends in bounded time', async () => {
    const server = createServer(() => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(await missing(`esdb://127.0.0.1:${port}?tls=false`)).toBe('away')
    server.close()
  })

  test('at a cluster of which nobody answers says so', async () => {
    expect(await missing('esdb://127.0.0.1:1,127.0.0.1:2?tls=false&maxDiscoverAttempts=2')).toBe('away')
  })

  test('at something else says that it is no event store', async () => {
    const server = createHttp((_, response) => response.end('hello'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(['event-store', 'away']).toContain(await missing(`esdb://127.0.0.1:${port}?tls=false`))
    server.closeAllConnections()
    server.close()
  })

  test('with TLS at a server without it says to take it out', async () => {
    const { missing, message } = await refusal(standIn.url.replace('tls=false', 'tls=true'))
    expect(missing).toBe('tls')
    expect(message).toContain('tls=false')
  })

  test('of a user who may not read $all says what an admin has to append, and where', async () => {
    const refused = await standIn.fault('refuse-all')
    const { missing, message } = await refusal(standIn.url.replace('esdb://', 'esdb://ledger:s3cret@'))
    await refused.takeBack()
    expect(missing).toBe('right-to-read-all')
    expect(message).toMatch(/\$settings.*update-default-acl/)
    const data: unknown = JSON.parse(message.slice(message.indexOf('{')))
    expect(data).toMatchObject({ $systemStreamAcl: { $r: ['$admins', 'ledger'] } })
  })
})

describe('the end', () => {
  test('waits for the appends under way, and leaves nothing that keeps a process alive', async () => {
    const script = join(import.meta.dirname, 'closing-child.mjs')
    const began = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, [script, standIn.url, PROJECT], {
      timeout: 30_000,
    })
    expect(JSON.parse(stdout)).toEqual(Array.from({ length: 50 }, () => 'fulfilled'))
    expect(performance.now() - began).toBeLessThan(15_000)
  })
})

test('the client shares one gRPC with the rest, and has the protocol buffers that it was made for', () => {
  const root = createRequire(import.meta.url)
  const client = createRequire(root.resolve('@eventstore/db-client'))
  expect(client.resolve('@grpc/grpc-js')).toBe(root.resolve('@grpc/grpc-js'))
  expect(client('google-protobuf/package.json')).toMatchObject({ version: expect.stringMatching(/^3\./) })
})
