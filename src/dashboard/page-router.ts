/** Registers pages together with what they need: there is no page that everybody may open. */
import type Router from '@koa/router'
import type { RouterMiddleware } from '@koa/router'
import type { Middleware } from 'koa'
import { allows, type Scope } from '../domain/access.ts'
import { Problem } from '../http/problem.ts'
import { sessionOf } from './guards.ts'

type AddPage = (path: string, needed: Scope | readonly Scope[], handle: RouterMiddleware) => void

export interface PageRouter {
  /** @param needed the scope that opens the page; of several, one is enough. */
  readonly get: AddPage
  readonly post: AddPage
}

export function createPageRouter(router: Router): PageRouter {
  const adder =
    (method: 'get' | 'post'): AddPage =>
    (path, needed, handle) => {
      router[method](path, requireScope([needed].flat()), handle)
    }
  return { get: adder('get'), post: adder('post') }
}

const requireScope =
  (needed: readonly Scope[]): Middleware =>
  (ctx, next) => {
    if (!allows(sessionOf(ctx), needed)) {
      throw new Problem(403, `this needs the scope ${needed.join(' or ')}, which your role or your key does not have`)
    }
    return next()
  }
