// What the routes say of themselves in /openapi.json and /docs.
import { REFUSALS } from '@assistant-ledger/assistant'
import { applyDecorators, type INestApplication } from '@nestjs/common'
import {
  ApiBody,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  DocumentBuilder,
  type OpenAPIObject,
  type SchemaObject,
  SwaggerModule,
} from '@nestjs/swagger'
import { SCHEMAS } from './schemas.js'
import { secure } from './security.js'
import type { Served } from './served.js'

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

export const ASSISTANT_ID: MethodDecorator = ApiParam({
  name: 'assistant_id',
  schema: { type: 'string', format: 'uuid' },
})

export const PathPart = (
  name: string,
  description: string,
  schema: SchemaObject = { type: 'string' },
): MethodDecorator => ApiParam({ name, description, schema })

/** An option of the query. */
export const Option = (
  name: string,
  description: string,
  schema: SchemaObject = { type: 'string' },
): MethodDecorator => ApiQuery({ name, description, required: false, schema })

/** Options of the query that are plain text, with what each is. */
export const Options = (options: Readonly<Record<string, string>>): MethodDecorator =>
  applyDecorators(...Object.entries(options).map(([name, description]) => Option(name, description)))

/** The body that is read. */
export const Accepts = (schema: string): MethodDecorator => ApiBody({ required: false, schema: ref(schema) })

const headers = (described: Readonly<Record<string, string>>): MethodDecorator =>
  applyDecorators(
    ...Object.entries(described).map(([name, description]) =>
      ApiHeader({ name, description, required: false }),
    ),
  )

/** The headers of every command. */
export const COMMAND: MethodDecorator = headers({
  'Idempotency-Key': 'Makes the command take effect once, however late it is sent again',
  'If-Match': 'The revision (ETag) that the assistant must be at; otherwise 412',
  'X-Reason': 'Why, percent-encoded UTF-8: it is recorded',
  'X-Actor': 'Who, percent-encoded UTF-8, where nobody is authenticated: it is recorded as claimed',
})

/** The header of commands that bring a content. */
export const BRINGS_CONTENT: MethodDecorator = headers({
  'X-Allow-Secrets': '`true`, with an `X-Reason`: what looks like a secret is recorded all the same',
})

/**
 * What a route answers.
 * @param schema of its 200; undefined: a 204 without a body
 */
export const Answers = (
  summary: string,
  schema: string | undefined,
  ...refusals: readonly number[]
): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    schema === undefined
      ? ApiResponse({ status: 204, description: 'Done' })
      : ApiResponse({ status: 200, description: summary, schema: ref(schema) }),
    ...refusals.map((status) =>
      ApiResponse({ status, description: meaningOf(status), schema: ref('Refusal') }),
    ),
  )

/** What a route sends for as long as somebody listens. */
export const Streams = (summary: string, ...refusals: readonly number[]): MethodDecorator =>
  applyDecorators(
    ApiOperation({ summary }),
    ApiResponse({
      status: 200,
      description: summary,
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    }),
    ...refusals.map((status) =>
      ApiResponse({ status, description: meaningOf(status), schema: ref('Refusal') }),
    ),
  )

const meaningOf = (status: number): string =>
  Object.values(REFUSALS)
    .filter((refusal) => refusal.status === status)
    .map(({ meaning }) => meaning)
    .join('; ')

/** Serves the page and the document; both are made when they are first asked for. */
export function serveOpenApi(
  app: INestApplication,
  version: string,
  served: Pick<Served, 'prefix' | 'security'>,
): void {
  SwaggerModule.setup('docs', app, () => documentOf(app, version, served), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Assistant Ledger',
  })
}

function documentOf(
  app: INestApplication,
  version: string,
  { prefix, security }: Pick<Served, 'prefix' | 'security'>,
): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Assistant Ledger')
    .setDescription('The Assistants API of LangGraph, and what goes beyond it')
    .setVersion(version)
    .build()
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
  })
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...SCHEMAS } }
  if (prefix !== '') document.servers = [{ url: prefix }]
  if (security) secure(document, security)
  return document
}
