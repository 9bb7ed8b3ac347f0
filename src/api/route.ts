/** Routes as data: each says once how it is called, what it takes and what it answers, and is served and documented from that. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { z } from 'zod'
import { parseInput } from './input.ts'

/** One way in which a route answers when it works. */
export interface Answer {
  readonly description: string
  /** What the body holds; none for an answer without a body. */
  readonly schema?: z.ZodType
  /** Default `application/json`. */
  readonly mediaType?: string
  /** Headers that belong to the answer, by name, each with what it says. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Everything that is to be known of a route without calling it. */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'delete'
  /** From the root, with `:name` for what varies. */
  readonly path: `/${string}`
  /** The resource, under which the document lists it. */
  readonly tag: string
  /** What it does, in a few words. */
  readonly summary: string
  readonly description?: string
  /** Who may call it: default `key`, whoever holds an API key; `local` also whoever asks from the same machine. */
  readonly access?: 'key' | 'local' | 'anyone'
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  /** What a JSON body must hold. */
  readonly body?: z.ZodType
  /** Whether there may be no body at all. Default false. */
  readonly isBodyOptional?: boolean
  /** Headers that the route reads, by name. */
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly required: boolean }>>
  /** Media types of a body that is read as a stream, rather than parsed. */
  readonly upload?: readonly string[]
  readonly answers: Readonly<Record<number, Answer>>
  /** Problems of its own, by status: those that every such route may have go without saying. */
  readonly problems?: Readonly<Record<number, string>>
}

export interface Route extends RouteDescription {
  readonly take: Middleware
}

type Parsed<Form> = Form extends z.ZodType<infer Output> ? Output : undefined

/** A request's input in the shape of the route's forms. */
interface Input<Description extends RouteDescription> {
  readonly params: Parsed<Description['params']>
  readonly query: Parsed<Description['query']>
  readonly body: Parsed<Description['body']>
}

/** A route whose handler gets its input parsed. What does not fit is refused with 400 before that. */
export function defineRoute<const Description extends RouteDescription>(
  description: Description,
  handle: (ctx: Context, input: Input<Description>) => Promise<void> | void,
): Route {
  const { params, query, body } = description
  return {
    ...description,
    take: (ctx) =>
      handle(ctx, {
        params: params && parseInput(params, ctx['params'], 'path'),
        query: query && parseInput(query, ctx.query, 'query'),
        body: body && parseInput(body, ctx.request.body, 'body'),
      } as Input<Description>),
  }
}

/** A router that serves `routes`. The guard comes before the body is read, and both are part of the route. */
export function routerOf(routes: readonly Route[], wantKey: Middleware, readJson: Middleware): Router {
  const router = new Router({ sensitive: true })
  for (const { method, path, access = 'key', body, take } of routes) {
    const before = [...(access === 'anyone' ? [] : [wantKey]), ...(body ? [readJson] : [])]
    router[method](path, ...before, take)
  }
  return router
}
