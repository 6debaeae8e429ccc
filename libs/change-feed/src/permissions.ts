// Who may do what over NATS, role by role: the subjects that a user may publish and subscribe to. It stands beside the
// names of those subjects; `accounts.ts` makes a server's configuration of it. What is not listed is refused.
import { encodeToken } from '@assistant-ledger/assistant'
import {
  ackStream,
  bucketStream,
  eventStream,
  graphKey,
  keySubject,
  registerSubject,
  registerSubjectOf,
} from './names.js'

export type Role =
  | { readonly role: 'registry' | 'commander' | 'auditor' }
  | {
      readonly role: 'runner'
      readonly environment: string
      readonly graphs: readonly string[]
      /** Whether it takes runs over the bus, and not only follows its assistants. */
      readonly runs: boolean
    }

/** A user of the project's NATS accounts. A runner's name is the one that it reports under. */
export type LedgerUser = Role & { readonly name: string }

export interface Permissions {
  readonly publish: readonly string[]
  /** A subject, or `subject queue`: then only as a member of that queue group. */
  readonly subscribe: readonly string[]
}

/** Verbs of the bus that change something. */
export const COMMANDS = ['create', 'update', 'promote', 'rollback', 'delete'] as const
/** Verbs of the bus that ask. */
export const QUERIES = [
  'get',
  'search',
  'count',
  'versions',
  'version',
  'history',
  'diff',
  'blame',
  'impact',
  'fleet',
] as const

/** The inbox at which a user is answered: nobody else can listen there. */
export const inboxOf = (user: string): string => `_INBOX_${encodeToken(user)}.>`

/** Where an answer to another account goes: the server's own names, under which it knows who asked. */
const OTHER_ACCOUNTS = '_R_.>'

/** Asks JetStream, and has an account of its own for that: in the ledger's it could have any answer written anywhere. */
export const isOutside = ({ role }: LedgerUser): boolean => role === 'runner' || role === 'auditor'

/**
 * What a user may do. `among` are all users of the project: an answer may go to their inboxes and nowhere else. NATS's
 * own `allow_responses` would let whoever asks choose the subject that the answer is written to, a config key too.
 */
export function permissionsOf(user: LedgerUser, among: readonly LedgerUser[], project: string): Permissions {
  switch (user.role) {
    case 'registry':
      return registry(user, among, project)
    case 'runner':
      return runner(user, among, project)
    case 'commander':
      return commander(user, project)
    case 'auditor':
      return auditor(user, project)
    default:
      return user satisfies never
  }
}

function registry({ name }: LedgerUser, among: readonly LedgerUser[], project: string): Permissions {
  const on = subjectsOf(project)
  return {
    publish: [
      '$JS.API.INFO',
      ...streamsOf(project).flatMap((stream) => [
        `$JS.API.STREAM.CREATE.${stream}`,
        `$JS.API.STREAM.DELETE.${stream}`,
        // A consumer that the server names.
        `$JS.API.CONSUMER.CREATE.${stream}`,
        ...readsOf(stream, '*'),
      ]),
      keySubject(project, '>'),
      on('events.*'),
      on('control.*'),
      on('fleet.*'),
      ...among.filter(({ role }) => role === 'commander').map((user) => inboxOf(user.name)),
      OTHER_ACCOUNTS,
    ],
    subscribe: [
      inboxOf(name),
      `${on('*')} assistants`,
      `${registerSubject(project)} assistants`,
      `${registerSubjectOf(project, '*')} assistants`,
      on('runners.*'),
    ],
  }
}

/**
 * A follower of whole graphs in one environment. It gets no stream information: that lists the keys of all others. The
 * server cannot tell whose a consumer is: another's is safe from it by its random name.
 */
function runner(
  { name, environment, graphs, runs }: LedgerUser & { readonly role: 'runner' },
  among: readonly LedgerUser[],
  project: string,
): Permissions {
  const on = subjectsOf(project)
  const stream = bucketStream(project)
  const keys = graphs.map((graph) => keySubject(project, `${graphKey(environment, graph)}.>`))
  const token = encodeToken(name)
  const askers = among.filter(({ role }) => runs && role === 'commander')
  return {
    publish: [
      ...keys.map((key) => `$JS.API.CONSUMER.CREATE.${stream}.*.${key}`),
      ...keys.map((key) => `$JS.API.DIRECT.GET.${stream}.${key}`),
      `$JS.API.CONSUMER.INFO.${stream}.*`,
      `$JS.API.CONSUMER.DELETE.${stream}.*`,
      `$JS.FC.${stream}.>`,
      on(`acks.${token}.*`),
      on(`runners.${token}`),
      registerSubjectOf(project, name),
      on('version'),
      ...askers.map((asker) => inboxOf(asker.name)),
    ],
    subscribe: [
      inboxOf(name),
      on(`control.${token}`),
      ...(runs ? graphs.map((graph) => `${on(`runs.${encodeToken(graph)}`)} runners`) : []),
    ],
  }
}

function commander({ name }: LedgerUser, project: string): Permissions {
  const on = subjectsOf(project)
  return {
    publish: [...[...COMMANDS, ...QUERIES].map(on), on('runs.*')],
    subscribe: [inboxOf(name), on('fleet.*')],
  }
}

/**
 * Hears runners, and reads, by consumers of its own name: by another's it could take from the registry what runners report
 * to it.
 */
function auditor({ name }: LedgerUser, project: string): Permissions {
  const on = subjectsOf(project)
  return {
    publish: [
      ...QUERIES.map(on),
      '$JS.API.INFO',
      ...streamsOf(project).flatMap((stream) => readsOf(stream, encodeToken(name))),
    ],
    subscribe: [inboxOf(name), on('events.*'), on('fleet.*'), on('runners.*')],
  }
}

/** Reading one stream whole: its state, its messages, and by the consumers of that name. */
const readsOf = (stream: string, consumer: string): string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.CONSUMER.CREATE.${stream}.${consumer}`,
  `$JS.API.CONSUMER.CREATE.${stream}.${consumer}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.${consumer}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
  `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`,
  `$JS.ACK.${stream}.${consumer}.>`,
  `$JS.FC.${stream}.${consumer}.>`,
]

const streamsOf = (project: string): string[] => [
  eventStream(project),
  ackStream(project),
  bucketStream(project),
]

const subjectsOf =
  (project: string) =>
  (rest: string): string =>
    `assistants.v1.${project}.${rest}`
