// The shapes of the API as its OpenAPI shows them, by name. The requests' fields are held to what is really read by a test.
import { REFUSALS } from '@assistant-ledger/assistant'
import type { SchemaObject } from '@nestjs/swagger'
import { FLEET_LIMITS } from '../fleet/limits.js'
import { LIMITS } from '../limits.js'
import { ASSISTANT_FIELDS, SORT_FIELDS } from '../queries/requests.js'

type Schemas = Readonly<Record<string, SchemaObject>>

const TEXT: SchemaObject = { type: 'string' }
const NULLABLE_TEXT: SchemaObject = { type: 'string', nullable: true }
const OBJECT: SchemaObject = { type: 'object', additionalProperties: true }
const UUID: SchemaObject = { type: 'string', format: 'uuid' }
const TIME: SchemaObject = { type: 'string', format: 'date-time' }
const NUMBER: SchemaObject = { type: 'integer', minimum: 1 }
const LIMIT: SchemaObject = {
  type: 'integer',
  minimum: 1,
  maximum: LIMITS.pageSize,
  default: LIMITS.defaultPageSize,
}
const OFFSET: SchemaObject = { type: 'integer', minimum: 0, default: 0 }
const ENVIRONMENT: SchemaObject = { type: 'string', default: 'live' }
const WAIT: Schemas = {
  wait: { type: 'string', enum: ['converged'] },
  wait_ms: {
    type: 'integer',
    minimum: 1,
    maximum: FLEET_LIMITS.wait_ms,
    default: FLEET_LIMITS.waitDefault_ms,
  },
}
const listOf = (items: SchemaObject): SchemaObject => ({ type: 'array', items })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` }) as unknown as SchemaObject
const object = (properties: Schemas, required: readonly string[] = []): SchemaObject => ({
  type: 'object',
  properties: { ...properties },
  ...(required.length > 0 ? { required: [...required] } : {}),
})

const CONFIG: SchemaObject = {
  type: 'object',
  properties: { tags: listOf(TEXT), recursion_limit: { type: 'integer' }, configurable: OBJECT },
  additionalProperties: true,
}
const CONTENT: Schemas = {
  graph_id: TEXT,
  name: TEXT,
  description: NULLABLE_TEXT,
  config: CONFIG,
  context: OBJECT,
  metadata: OBJECT,
}
const VERSION: Schemas = { assistant_id: UUID, version: NUMBER, ...CONTENT, created_at: TIME }
const MATCHING: Schemas = { metadata: OBJECT, graph_id: TEXT, name: TEXT }

/** The bodies that are read. */
export const REQUESTS: Schemas = {
  AssistantCreate: object(
    {
      ...CONTENT,
      assistant_id: UUID,
      if_exists: { type: 'string', enum: ['raise', 'do_nothing'], default: 'raise' },
    },
    ['graph_id'],
  ),
  AssistantPatch: object(CONTENT),
  AssistantSearchRequest: object({
    ...MATCHING,
    limit: LIMIT,
    offset: OFFSET,
    sort_by: { type: 'string', enum: [...SORT_FIELDS], default: 'created_at' },
    sort_order: { type: 'string', enum: ['asc', 'desc'], default: 'desc' },
    select: listOf({ type: 'string', enum: [...ASSISTANT_FIELDS] }),
  }),
  AssistantCountRequest: object(MATCHING),
  VersionsSearchRequest: object({ metadata: OBJECT, limit: LIMIT, offset: OFFSET }),
  AssistantVersionChange: object({
    version: NUMBER,
    from: TEXT,
    environment: ENVIRONMENT,
    replaces: NUMBER,
    guard: OBJECT,
    ...WAIT,
  }),
  Rollback: object({ environment: ENVIRONMENT, replaces: NUMBER, ...WAIT }),
  AssistantImpact: object({ ...CONTENT, version: NUMBER, from: TEXT, environment: ENVIRONMENT }),
}

/** What the schemas of the graph did not allow; absent when there is nothing of the kind. */
const VIOLATIONS: SchemaObject = listOf(
  object({ pointer: TEXT, message: TEXT, descriptor: TEXT }, ['pointer', 'message', 'descriptor']),
)

/** JSON pointers of what the graph's runner could not find out; absent when there is nothing. */
const UNKNOWN: Schemas = { unknown: listOf(TEXT) }
const SCHEMAS_OF_A_GRAPH: Schemas = {
  input_schema: { ...OBJECT, nullable: true },
  output_schema: { ...OBJECT, nullable: true },
  state_schema: { ...OBJECT, nullable: true },
  config_schema: { ...OBJECT, nullable: true },
  context_schema: { ...OBJECT, nullable: true },
  ...UNKNOWN,
}
/** The names of LangGraph's in-memory server, beside those of the platform. */
const SHORT_NAMES: Schemas = {
  input: { ...OBJECT, nullable: true },
  output: { ...OBJECT, nullable: true },
  state: { ...OBJECT, nullable: true },
  config: { ...OBJECT, nullable: true },
}

/** What is answered. */
const ANSWERS: Schemas = {
  Assistant: object({ ...VERSION, updated_at: TIME, receipt: OBJECT, violations: VIOLATIONS }, [
    ...ASSISTANT_FIELDS,
  ]),
  Assistants: listOf(ref('Assistant')),
  AssistantVersion: object(VERSION, Object.keys(VERSION)),
  AssistantVersions: listOf(ref('AssistantVersion')),
  OneVersion: object({ ...VERSION, generation: NUMBER, content_hash: TEXT }, [
    ...Object.keys(VERSION),
    'generation',
    'content_hash',
  ]),
  Count: { type: 'integer', minimum: 0 },
  Environments: listOf(
    object({
      environment: TEXT,
      version: { ...NUMBER, nullable: true },
      updated_at: { ...TIME, nullable: true },
    }),
  ),
  History: object({ entries: listOf(ref('HistoryEntry')), next: TEXT }, ['entries']),
  HistoryEntry: object(
    {
      position: TEXT,
      revision: { type: 'integer' },
      at: TIME,
      type: TEXT,
      assistant_id: UUID,
      name: TEXT,
      graph_id: TEXT,
      generation: NUMBER,
      version: NUMBER,
      built_on: NUMBER,
      environment: TEXT,
      replaces: NUMBER,
      rollback: { type: 'boolean' },
      actor: ref('Actor'),
      reason: TEXT,
      correlation: TEXT,
      what: TEXT,
      ref: TEXT,
      violations: VIOLATIONS,
      secrets: listOf(TEXT),
      reports: listOf(OBJECT),
    },
    ['position', 'revision', 'at', 'type', 'assistant_id', 'what'],
  ),
  Actor: object({ id: TEXT, verified: { type: 'boolean' }, via: TEXT }, ['id', 'verified', 'via']),
  Diff: object(
    {
      assistant_id: UUID,
      from: ref('AtPoint'),
      to: ref('AtPoint'),
      patch: listOf(OBJECT),
      changes: listOf(OBJECT),
      text: TEXT,
    },
    ['assistant_id', 'from', 'to', 'patch', 'changes', 'text'],
  ),
  AtPoint: object(
    {
      point: TEXT,
      ref: TEXT,
      generation: NUMBER,
      version: NUMBER,
      at: TIME,
      actor: ref('Actor'),
      reason: TEXT,
    },
    ['point', 'ref', 'generation', 'version', 'at', 'actor'],
  ),
  Blame: object({ assistant_id: UUID, of: ref('AtPoint'), fields: listOf(OBJECT) }, [
    'assistant_id',
    'of',
    'fields',
  ]),
  Impact: object(
    {
      assistant_id: UUID,
      environment: TEXT,
      decision: object(
        { type: { type: 'string', enum: ['promoted', 'unchanged', 'refused'] }, refusal: OBJECT },
        ['type'],
      ),
      from: NULLABLE_TEXT,
      to: TEXT,
      patch: listOf(OBJECT),
      changes: listOf(OBJECT),
      text: TEXT,
      shown_in: listOf(TEXT),
      reached: listOf(OBJECT),
      lost: listOf(OBJECT),
      would_refuse: listOf(OBJECT),
      violations: listOf(OBJECT),
    },
    [
      'assistant_id',
      'environment',
      'decision',
      'from',
      'to',
      'changes',
      'reached',
      'would_refuse',
      'violations',
    ],
  ),
  Receipts: { oneOf: [OBJECT, listOf(OBJECT)] },
  Fleet: listOf(OBJECT),
  Graph: object({ nodes: listOf(OBJECT), edges: listOf(OBJECT), ...UNKNOWN }, ['nodes', 'edges']),
  GraphSchema: object({ graph_id: TEXT, ...SCHEMAS_OF_A_GRAPH }, ['graph_id', 'state_schema']),
  Subgraphs: {
    type: 'object',
    additionalProperties: object({ ...SCHEMAS_OF_A_GRAPH, ...SHORT_NAMES }, ['state_schema']),
  },
  Ok: object({ ok: { type: 'boolean' } }),
  Info: object({ service: TEXT, version: TEXT, flags: OBJECT }),
  Ledger: object(
    {
      project: TEXT,
      log_id: TEXT,
      epoch: { type: 'integer' },
      key: TEXT,
      public_key: TEXT,
      checkpoint: OBJECT,
    },
    ['project'],
  ),
  Refusal: object(
    {
      detail: TEXT,
      code: { type: 'string', enum: Object.keys(REFUSALS) },
      field: TEXT,
      revision: { type: 'integer' },
      pointers: listOf(TEXT),
      violations: VIOLATIONS,
    },
    ['detail'],
  ),
}

export const SCHEMAS: Schemas = { ...REQUESTS, ...ANSWERS }
