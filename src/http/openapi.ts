/** The OpenAPI document, generated from the routes that are served and the schemas that validate their input. */
import { z } from 'zod'
import { problem } from './problem-schema.ts'
import { type Answer, type RouteDescription, type SentWebhook, scopesOf } from './route.ts'

type Json = Readonly<Record<string, unknown>>

/** Problems that many routes have in common, by status. */
const commonProblems = {
  400: 'Validation failed: see `detail` and `errors`',
  401: 'API key missing or not valid',
  403: 'The key does not allow this',
  404: 'No such path',
  408: 'The body was not received in time',
  413: 'The body is too large',
  415: 'The Content-Type is not supported, or the body is compressed',
  429: 'Too many requests with wrong keys from this address: try again after `Retry-After`',
  503: 'PostgreSQL or Temporal does not answer: try again after `Retry-After`',
} as const

/** The OpenAPI 3.1 document of `routes`, and of the requests that the system sends itself. */
export function openApiDocument(routes: readonly RouteDescription[], sent: readonly SentWebhook[] = []): Json {
  const schemas = new Map<string, Json>()
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operationOf(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Aftersend',
      version: '1',
      description:
        'What happened to an email after it was sent. Lists return `{data, nextCursor}`, newest first: pass `nextCursor` as ' +
        '`cursor` for the next page. Errors are problem details (RFC 9457). Times are UTC.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    webhooks: Object.fromEntries(sent.map((webhook) => [webhook.name, { post: sentOperationOf(webhook, schemas) }])),
    components: {
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'One of the API keys.' } },
    },
  }
}

function operationOf(route: RouteDescription, schemas: Map<string, Json>): Json {
  const { method, path, tag, summary, access = 'key', headers = {} } = route
  const description = [route.description, access === 'key' && `Scope: ${scopesOf(route).join(' or ')}.`]
    .filter(Boolean)
    .join(' ')
  const body = requestBodyOf(route, schemas)
  return {
    operationId: `${method} ${path.replace(/^\/v1/, '')}`.replace(/[^a-zA-Z]+(\w?)/g, (_, letter: string) =>
      letter.toUpperCase(),
    ),
    tags: [tag],
    summary,
    ...(description && { description }),
    security: securityOf(access),
    parameters: [
      ...parametersOf('path', route.params, schemas),
      ...parametersOf('query', route.query, schemas),
      ...Object.entries(headers).map(([name, { description: text, required }]) => headerOf(name, text, required)),
    ],
    ...(body && { requestBody: body }),
    responses: responsesOf(route, schemas),
  }
}

const headerOf = (name: string, description: string, required: boolean): Json => ({
  ...{ name, in: 'header', required, description, schema: { type: 'string' } },
})

const sentOperationOf = ({ summary, headers, body }: SentWebhook, schemas: Map<string, Json>): Json => ({
  summary,
  parameters: Object.entries(headers).map(([name, text]) => headerOf(name, text, true)),
  requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'output', schemas) } } },
  responses: { '2XX': { description: 'Accepted. Every other answer is a failed attempt' } },
})

const securityOf = (access: RouteDescription['access']) =>
  access === 'anyone' ? [] : [{ apiKey: [] }, ...(access === 'local' ? [{}] : [])]

function parametersOf(location: 'path' | 'query', schema: z.ZodType | undefined, schemas: Map<string, Json>): Json[] {
  if (!schema) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input', schemas) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    ...{ name, in: location, required: location === 'path' || required.includes(name), schema: property },
    ...(property['type'] === 'object' && { style: 'deepObject', explode: true }),
  }))
}

function requestBodyOf(
  { body, isBodyOptional = false, upload }: RouteDescription,
  schemas: Map<string, Json>,
): Json | null {
  if (body) {
    return { required: !isBodyOptional, content: { 'application/json': { schema: schemaOf(body, 'input', schemas) } } }
  }
  if (!upload) return null
  return { required: true, content: Object.fromEntries(upload.map((type) => [type, { schema: { type: 'string' } }])) }
}

function responsesOf(route: RouteDescription, schemas: Map<string, Json>): Json {
  const { access = 'key', params, body, upload, answers, problems = {} } = route
  const hasBody = body !== undefined || upload !== undefined
  const common = [
    400,
    ...(access === 'anyone' ? [] : [401, 403, 429, 503]),
    ...(params ? [404] : []),
    ...(hasBody ? [408, 413, 415] : []),
  ] as (keyof typeof commonProblems)[]
  const described = Object.fromEntries(common.map((status) => [status, commonProblems[status]]))
  const schema = schemaOf(problem, 'output', schemas)
  return {
    ...Object.fromEntries(
      Object.entries({ ...described, ...problems }).map(([status, description]) => [
        status,
        { description, content: { 'application/problem+json': { schema } } },
      ]),
    ),
    // From Node's HTTP server.
    431: { description: 'The path or the headers are too long' },
    ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer, schemas)])),
  }
}

function responseOf(
  { description, schema, mediaType = 'application/json', headers }: Answer,
  schemas: Map<string, Json>,
) {
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'string' } }]),
      ),
    }),
    ...(schema && { content: { [mediaType]: { schema: schemaOf(schema, 'output', schemas) } } }),
  }
}

/** A zod schema as JSON Schema; one with an ID becomes a component. */
function schemaOf(source: z.ZodType, io: 'input' | 'output', schemas: Map<string, Json>): Json {
  const { $schema, $defs, ...schema } = z.toJSONSchema(source, {
    io,
    unrepresentable: 'any',
    override: withoutTimePattern,
  }) as Json & {
    $defs?: Record<string, Json>
  }
  for (const [name, named] of Object.entries($defs ?? {})) schemas.set(name, inComponents(withoutId(named)))
  const id = schema['id']
  if (typeof id !== 'string') return inComponents(schema)
  schemas.set(id, inComponents(withoutId(schema)))
  return { $ref: `#/components/schemas/${id}` }
}

/** The format implies the pattern. */
const withoutTimePattern = ({ jsonSchema }: { jsonSchema: { format?: unknown; pattern?: unknown } }): void => {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
}

const withoutId = ({ id, ...schema }: Json): Json => schema

const inComponents = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/'))
