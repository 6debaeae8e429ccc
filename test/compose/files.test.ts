// The compose files, with no Docker at hand: read and merged as `docker compose` does it, every name in them resolves,
// every version is pinned, and what reads a setting or a configuration takes what they give it.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parseDocument, visit } from 'yaml'
import { readSettings } from '../../apps/registry/src/settings.js'
import { readSettings as readRunnerSettings } from '../../apps/runner/src/settings.js'
import { BASE, CLUSTER, milliseconds, readCompose, type Service, targetOf, variablesOf } from './compose.js'
import { makeVariables } from './variables.js'

const variables = makeVariables()

/** What a service may say here: a misspelt key would be none of these. */
const KEYS = [
  'build',
  'command',
  'depends_on',
  'environment',
  'healthcheck',
  'image',
  'init',
  'ports',
  'restart',
  'stop_grace_period',
  'volumes',
]
/** Options of EventStoreDB 23.10, as environment variables. It does not start with one that it does not know. */
const EVENT_STORE_OPTIONS = [
  'EVENTSTORE_CLUSTER_SIZE',
  'EVENTSTORE_DISCOVER_VIA_DNS',
  'EVENTSTORE_GOSSIP_SEED',
  'EVENTSTORE_INSECURE',
  'EVENTSTORE_NODE_HOST_ADVERTISE_AS',
  'EVENTSTORE_REPLICATION_HOST_ADVERTISE_AS',
  'EVENTSTORE_RUN_PROJECTIONS',
  'EVENTSTORE_TELEMETRY_OPTOUT',
]
/** A version of three numbers or, where the maker has two, of two; and what it was made on. */
const PINNED = /^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?$/

test('the passwords that the files take are those that the line at their head makes, and none has a default', () => {
  const taken = [...new Set([BASE, CLUSTER].flatMap(variablesOf))].sort()
  expect(taken).toEqual(Object.keys(variables).sort())
  for (const name of taken) {
    const { [name]: _, ...others } = variables
    expect(() => readCompose([BASE], others)).toThrow(
      `required variable ${name} is missing; ${BASE} says how`,
    )
  }
  // NATS reads them as configuration.
  for (const password of Object.values(variables)) expect(password).toMatch(/^[A-Za-z][\w-]{20,}$/)
})

test.each([BASE, CLUSTER])(
  'every anchor of %s is used, and every part that is meant for one is an anchor',
  (file) => {
    const document = parseDocument(readFileSync(file, 'utf8'), { merge: true })
    expect(document.errors).toEqual([])
    const anchors = new Set<string>()
    const used = new Set<string>()
    visit(document, {
      Node(_, node) {
        if ('anchor' in node && node.anchor) anchors.add(node.anchor)
      },
      Alias(_, { source }) {
        used.add(source)
      },
    })
    expect([...anchors].sort()).toEqual([...used].sort())
    const parts = Object.keys(document.toJS()).filter((key) => key.startsWith('x-'))
    expect(parts.length).toBeLessThanOrEqual(anchors.size)
  },
)

describe.each([
  ['one of each', [BASE], 1],
  ['three EventStoreDB nodes and NATS servers', [BASE, CLUSTER], 3],
])('%s', (_, files, servers) => {
  const { services, volumes } = readCompose(files as string[], variables)
  const all = Object.entries(services)
  const those = (kind: RegExp) => all.filter(([name]) => kind.test(name))
  const service = (name: string) => services[name] as Service

  test('the parts that there are', () => {
    const count = (kind: RegExp) => those(kind).length
    expect([count(/^eventstore/), count(/^nats/), count(/^postgres/)]).toEqual([servers, servers, 1])
    expect([count(/^registry/), count(/^runner/)]).toEqual([2, 1])
    for (const [name, one] of all)
      expect({ name, unknown: Object.keys(one).filter((key) => !KEYS.includes(key)) }).toEqual({
        name,
        unknown: [],
      })
    // Compose refuses what YAML takes for a boolean.
    for (const [, { environment }] of all)
      for (const value of Object.values(environment)) expect(typeof value).toBe('string')
  })

  test('every image is pinned, the same for all of a kind; the one of this repository has its version and is built once', () => {
    const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [, { image }] of all) expect(image).toMatch(PINNED)
    for (const kind of [/^eventstore/, /^nats/, /^registry|^runner/])
      expect(new Set(those(kind).map(([, { image }]) => image)).size).toBe(1)
    expect(service('runner').image).toBe(`${name}:${version}`)
    expect(all.filter(([, { build }]) => build !== undefined).map(([one]) => one)).toEqual(['registry-1'])
  })

  test('whatever is waited for is there, can say that it is healthy, and does not wait for who waits', () => {
    const waitsFor = (name: string, above: readonly string[] = []): void => {
      expect(above).not.toContain(name)
      for (const [other, { condition }] of Object.entries(service(name).depends_on)) {
        expect(Object.keys(services)).toContain(other)
        expect(condition).toBe('service_healthy')
        expect(service(other).healthcheck).toBeDefined()
        waitsFor(other, [...above, name])
      }
    }
    for (const [name] of all) waitsFor(name)
    for (const [name] of those(/^registry/))
      expect(Object.keys(service(name).depends_on).sort()).toEqual(
        [...those(/^(eventstore|nats|postgres)/).map(([other]) => other)].sort(),
      )
  })

  test('health is asked for by a command, within a time, again and again', () => {
    for (const [name, { healthcheck }] of those(/^(?!runner)/)) {
      if (!healthcheck) throw new Error(`${name} has no health check`)
      const { test: command, interval, timeout, retries, start_period = '0s' } = healthcheck
      expect(['CMD', 'CMD-SHELL']).toContain(command[0])
      expect(command.length).toBeGreaterThan(1)
      if (command[0] === 'CMD-SHELL')
        expect(spawnSync('sh', ['-n', '-c', command[1] as string]).status).toBe(0)
      for (const part of command) expect(typeof part).toBe('string')
      expect(milliseconds(timeout)).toBeGreaterThanOrEqual(1_000)
      expect(milliseconds(interval)).toBeGreaterThanOrEqual(1_000)
      expect(retries).toBeGreaterThan(0)
      expect(milliseconds(start_period)).toBeGreaterThanOrEqual(0)
    }
  })

  test('every volume is declared and used by one service, every mounted file is there, nothing listens but on loopback', () => {
    const mounts = all.flatMap(([, one]) => one.volumes)
    const named = mounts.filter((mount) => !mount.startsWith('.')).map((mount) => mount.split(':')[0])
    expect(new Set(named).size).toBe(named.length)
    // What the cluster leaves aside is kept for a way back.
    expect(Object.keys(volumes)).toEqual(expect.arrayContaining(named))
    if (servers === 1) expect(Object.keys(volumes).sort()).toEqual([...named].sort())
    for (const mount of mounts.filter((one) => one.startsWith('.')))
      expect(existsSync(mount.split(':')[0] as string)).toBe(true)
    for (const [, { ports }] of all) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    const onHost = all.flatMap(([, { ports }]) => ports.map((port) => port.split(':')[1]))
    expect(new Set(onHost).size).toBe(onHost.length)
  })

  test('EventStoreDB is told nothing that it does not know, and each node knows the others', () => {
    for (const [name, { environment }] of those(/^eventstore/)) {
      for (const option of Object.keys(environment)) expect(EVENT_STORE_OPTIONS).toContain(option)
      if (servers === 1) continue
      const others = those(/^eventstore/).flatMap(([other]) => (other === name ? [] : `${other}:2113`))
      expect(environment).toMatchObject({
        EVENTSTORE_NODE_HOST_ADVERTISE_AS: name,
        EVENTSTORE_REPLICATION_HOST_ADVERTISE_AS: name,
        EVENTSTORE_CLUSTER_SIZE: String(servers),
        EVENTSTORE_GOSSIP_SEED: others.join(','),
      })
    }
  })

  test('nats-server takes its command with the configuration and passwords, and not without them', () => {
    for (const [name, { command = [], environment }] of those(/^nats/)) {
      const args = command.map((arg) => arg.replace('/etc/nats/nats.conf', 'nats.conf'))
      const env = { PATH: process.env.PATH, ...environment }
      const check = (given: NodeJS.ProcessEnv) =>
        spawnSync(process.env.NATS_SERVER_BIN || 'nats-server', ['-t', ...args], {
          env: given,
          encoding: 'utf8',
        })
      expect(check(env).stderr).toContain('is valid')
      expect(check({ PATH: process.env.PATH }).status).not.toBe(0)
      if (servers === 1) continue
      const names = those(/^nats/).map(([other]) => `nats://${other}:6222`)
      expect(args).toContain(`--routes=${names.join(',')}`)
      expect(args.find((arg) => arg.startsWith('--name='))).toBe(
        `--name=${name === 'nats' ? 'nats-1' : name}`,
      )
    }
  })

  test('registries and runner read their environment, and find each server of it among the services', () => {
    const hosts = (addresses: readonly string[]) => addresses.map((address) => new URL(address).hostname)
    const ofKind = (kind: RegExp) => those(kind).map(([name]) => name)
    for (const name of ['registry-1', 'registry-2']) {
      const { environment } = service(name)
      const settings = readSettings(environment)
      expect(settings).toMatchObject({ port: 8123, portAsked: true, host: '0.0.0.0', natsReplicas: servers })
      expect(settings.nats.login).toMatchObject({ user: 'registry', pass: variables.REGISTRY_PASSWORD })
      expect(hosts(settings.nats.servers)).toEqual(ofKind(/^nats/))
      const { eventStoreUrl = '', databaseUrl = '' } = settings.grown ?? {}
      const nodes = /^esdb:\/\/([^?]+)\?tls=false$/.exec(eventStoreUrl)?.[1]?.split(',')
      expect(nodes).toEqual(ofKind(/^eventstore/).map((node) => `${node}:2113`))
      const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = service('postgres').environment
      expect(databaseUrl).toBe(
        `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}`,
      )
    }
    const runner = readRunnerSettings(service('runner').environment)
    expect(hosts(runner.nats.servers)).toEqual(ofKind(/^nats/))
    expect(runner.nats.login).toMatchObject({ user: runner.runnerName, pass: variables.WRITER_1_PASSWORD })
    // Its copy of what it last held is on its volume.
    expect(runner.cacheDir).toMatch(new RegExp(`^${targetOf(service('runner').volumes[0] as string)}/`))
  })
})

test('a server that joins others begins with a volume of its own, and leaves the one of a single server as it is', () => {
  const single = readCompose([BASE], variables).services
  const cluster = readCompose([BASE, CLUSTER], variables).services
  for (const name of ['eventstore', 'nats']) {
    const data = (service: Service | undefined) => service?.volumes.find((mount) => !mount.startsWith('.'))
    expect(targetOf(data(cluster[name]) as string)).toBe(targetOf(data(single[name]) as string))
    expect(data(cluster[name])).not.toBe(data(single[name]))
  }
})

test('the line at the head makes every password anew, in a file that is not committed', () => {
  expect(Object.values(makeVariables())).not.toEqual(Object.values(variables))
  expect(execFileSync('git', ['check-ignore', '.env'], { encoding: 'utf8' })).toBe('.env\n')
})
