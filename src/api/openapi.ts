/** The API's document, made of the routes that are served and the forms that their input is held to: it cannot drift. */
import { z } from 'zod'
import { problem } from './answers.ts'
import type { Answer, RouteDescription } from './route.ts'

type Json = Readonly<Record<string, unknown>>

/** Statuses that a route may answer with beside its own, and what they mean. */
const commonProblems = {
  400: 'The request is not as it must be',
  401: 'No valid API key',
  404: 'There is nothing at this path',
  408: 'The body did not come in time',
  413: 'The body is too large',
  415: 'The body is of another type, or compressed',
  503: 'A server that it needs does not answer now: try again',
} as const

/** The OpenAPI 3.1 document of `routes`. */
export function openApiDocument(routes: readonly RouteDescription[]): Json {
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
        'What happened to that email after we sent it. Lists answer `{data, nextCursor}`, newest first: pass `nextCursor` as ' +
        '`cursor`. Errors are problem details (RFC 9457). Times are UTC.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'One of the API keys.' } },
    },
  }
}

function operationOf(route: RouteDescription, schemas: Map<string, Json>): Json {
  const { method, path, tag, summary, description, access = 'key', headers = {} } = route
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
      ...Object.entries(headers).map(([name, { description: text, required }]) => ({
        ...{ name, in: 'header', required, description: text, schema: { type: 'string' } },
      })),
    ],
    ...(body && { requestBody: body }),
    responses: responsesOf(route, schemas),
  }
}

const securityOf = (access: RouteDescription['access']) =>
  access === 'anyone' ? [] : [{ apiKey: [] }, ...(access === 'local' ? [{}] : [])]

function parametersOf(place: 'path' | 'query', form: z.ZodType | undefined, schemas: Map<string, Json>): Json[] {
  if (!form) return []
  const { properties = {}, required = [] } = schemaOf(form, 'input', schemas) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: place, required: place === 'path' || required.includes(name), schema },
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
  const takesBody = body !== undefined || upload !== undefined
  const common = [
    400,
    ...(access === 'anyone' ? [] : [401, 503]),
    ...(params ? [404] : []),
    ...(takesBody ? [408, 413, 415] : []),
  ] as (keyof typeof commonProblems)[]
  const told = Object.fromEntries(common.map((status) => [status, commonProblems[status]]))
  const schema = schemaOf(problem, 'output', schemas)
  return {
    ...Object.fromEntries(
      Object.entries({ ...told, ...problems }).map(([status, description]) => [
        status,
        { description, content: { 'application/problem+json': { schema } } },
      ]),
    ),
    // The server's own, before any of us reads the request.
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

/** A form as JSON Schema; what has a name goes among the components. */
function schemaOf(form: z.ZodType, io: 'input' | 'output', schemas: Map<string, Json>): Json {
  const { $schema, $defs, ...schema } = z.toJSONSchema(form, {
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

/** The format says it already, in fewer words. */
const withoutTimePattern = ({ jsonSchema }: { jsonSchema: { format?: unknown; pattern?: unknown } }): void => {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
}

const withoutId = ({ id, ...schema }: Json): Json => schema

const inComponents = (schema: Json): Json =>
  JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', '#/components/schemas/'))
