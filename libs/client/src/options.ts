// What `followAssistants` is told, checked once and completed.
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import type { DescriptorSource } from './descriptor.js'
import { BadOption } from './errors.js'
import type { Followed } from './followed.js'
import { encodeToken } from './names.js'
import type { Validate } from './validate.js'
import type { Content } from './value.js'

export interface FollowOptions {
  /** NATS addresses. */
  readonly servers: string | readonly string[]
  /** `default` unless told. */
  readonly project?: string
  readonly environment: string
  /** Whole graphs are followed. */
  readonly graphs: readonly string[]
  /** Hold only these assistants of the graphs. */
  readonly assistants?: readonly string[]
  /** Where the last known good is kept; nothing is kept without. One process a directory. */
  readonly cacheDir?: string
  readonly runner: { readonly name: string; readonly build?: string }
  /** Checks a configuration before it is swapped in, also one from disk; see {@link Validate}. */
  readonly validate?: Validate<Followed>
  /** Contents to serve, by assistant id, as long as nothing of that assistant was received or is on disk. */
  readonly bundled?: Readonly<Record<string, BundledContent>>
  /**
   * What the graphs are, by graph: for the registry to show, and to check configurations against. A function is called
   * once, when the start is over and there is a connection.
   */
  readonly descriptors?: Readonly<Record<string, DescriptorSource>>
  /** How long the start waits to be live, 10,000 unless told; then it goes on with what there is. */
  readonly initTimeoutMs?: number
  /** Further options of the connection: credentials, TLS. */
  readonly nats?: Omit<NodeConnectionOptions, 'servers' | 'name' | 'inboxPrefix'>
}

export type BundledContent = Pick<Content, 'graph_id'> & Partial<Content>

/** The whole content of a partial one, as a copy of its own. */
export const completed = (given: BundledContent): Content =>
  structuredClone({
    name: 'Untitled',
    description: null,
    config: {},
    context: {},
    metadata: {},
    ...given,
  })

export const DEFAULT_INIT_TIMEOUT_MS = 10_000
const MOST_GRAPHS = 64
const PROJECT = /^[a-z0-9_]{1,32}$/

export interface ReadOptions extends FollowOptions {
  readonly project: string
  readonly initTimeoutMs: number
  readonly inboxPrefix: string
}

/** @throws BadOption naming the option */
export function readOptions(options: FollowOptions): ReadOptions {
  const {
    project = 'default',
    initTimeoutMs = DEFAULT_INIT_TIMEOUT_MS,
    graphs,
    environment,
    runner,
  } = options
  if (!PROJECT.test(project))
    throw new BadOption(`project ${JSON.stringify(project)} does not match ${PROJECT}`)
  if (!environment) throw new BadOption('environment is missing')
  if (!runner?.name) throw new BadOption('runner.name is missing')
  if (
    !Array.isArray(graphs) ||
    graphs.length === 0 ||
    graphs.length > MOST_GRAPHS ||
    graphs.some((g) => !g)
  ) {
    throw new BadOption(`graphs has to name 1 to ${MOST_GRAPHS} graphs`)
  }
  const stranger = Object.keys(options.descriptors ?? {}).find((graph) => !graphs.includes(graph))
  if (stranger !== undefined) throw new BadOption(`descriptors has ${stranger}, which graphs does not name`)
  if (!options.servers?.length) throw new BadOption('servers is missing')
  if (!Number.isFinite(initTimeoutMs) || initTimeoutMs < 0)
    throw new BadOption('initTimeoutMs has to be 0 or more')
  return Object.freeze({
    ...options,
    graphs: [...new Set(graphs)],
    ...(options.assistants && { assistants: options.assistants.map((id) => id.toLowerCase()) }),
    project,
    initTimeoutMs,
    inboxPrefix: `_INBOX_${encodeToken(runner.name)}`,
  })
}
