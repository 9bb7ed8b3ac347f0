/** Routes as data: one description per route, from which it is served, validated and documented. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { z } from 'zod'
import type { Caller, Scope } from '../domain/access.ts'
import { projectOf, providerIn } from '../domain/project.ts'
import { parseInput } from './input.ts'

/** One successful answer of a route. */
export interface Answer {
  readonly description: string
  /** Of the body; none for an answer without one. */
  readonly schema?: z.ZodType
  /** Default `application/json`. */
  readonly mediaType?: string
  /** Descriptions of the answer's headers, by name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What the OpenAPI document says about a route. */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  /** With `:name` for parameters. */
  readonly path: `/${string}`
  /** The resource under which the document lists it. */
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Default `key`: an API key is required. `local`: not from this machine. `anyone`: never. */
  readonly access?: 'key' | 'local' | 'anyone'
  /** What the key must allow; of several, one. Default `read`. */
  readonly scope?: Scope | readonly Scope[]
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  /** Default false. */
  readonly isBodyOptional?: boolean
  /** Request headers that the route reads, by name. */
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly required: boolean }>>
  /** Media types of a body that is read as a stream. */
  readonly upload?: readonly string[]
  readonly answers: Readonly<Record<number, Answer>>
  /** Descriptions of its own problems, by status; common ones are added. */
  readonly problems?: Readonly<Record<number, string>>
}

/** A request that the system sends: to the endpoints of applications. */
export interface SentWebhook {
  /** The type of what it is about. */
  readonly name: string
  readonly summary: string
  readonly body: z.ZodType
  /** Request headers, by name. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Route extends RouteDescription {
  readonly handle: Middleware
}

type Parsed<Schema> = Schema extends z.ZodType<infer Output> ? Output : undefined

/** A request's input, validated. */
interface Input<Description extends RouteDescription> {
  readonly params: Parsed<Description['params']>
  readonly query: Parsed<Description['query']>
  readonly body: Parsed<Description['body']>
}

/** A route whose handler receives validated input. Invalid input is answered with 400 before. */
export function defineRoute<const Description extends RouteDescription>(
  description: Description,
  handle: (ctx: Context, input: Input<Description>) => Promise<void> | void,
): Route {
  const { params, query, body } = description
  return {
    ...description,
    handle: (ctx) =>
      handle(ctx, {
        params: params && ofCallersProject(ctx, parseInput(params, ctx['params'], 'path')),
        query: query && ofCallersProject(ctx, parseInput(query, ctx.query, 'query')),
        body: body && ofCallersProject(ctx, parseInput(body, ctx.request.body, 'body')),
      } as Input<Description>),
  }
}

/** A provider that a project's key names is that of its project: it need not write the project before it. */
function ofCallersProject<T>(ctx: Context, input: T): T {
  const project = (ctx.state['caller'] as Caller | undefined)?.project ?? null
  const named = (input as { provider?: unknown } | null)?.provider
  if (project === null || typeof named !== 'string' || projectOf(named) === project) return input
  return { ...input, provider: providerIn(project, named) }
}

/** The scopes of which a key needs one. */
export const scopesOf = ({ scope = 'read' }: RouteDescription): readonly Scope[] =>
  typeof scope === 'string' ? [scope] : scope

/**
 * A router for routes. It authenticates before it reads the body.
 * @param routesOf the same routes for each project of callers; null for callers of all projects, and for everybody.
 */
export function routerOf(
  routesOf: (project: string | null) => readonly Route[],
  authenticate: (needed: readonly Scope[]) => Middleware,
  readJson: Middleware,
): Router {
  const router = new Router({ sensitive: true })
  for (const [index, route] of routesOf(null).entries()) {
    const before = [
      ...(route.access === 'anyone' ? [] : [authenticate(scopesOf(route))]),
      ...(route.body ? [readJson] : []),
    ]
    router[route.method](route.path, ...before, (ctx, next) => {
      const project = (ctx.state['caller'] as Caller | undefined)?.project ?? null
      return routesOf(project)[index]?.handle(ctx, next)
    })
  }
  return router
}
