/** Who may use `/v1`: whoever holds one of the API keys. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { Problem } from './problem.ts'

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Whether the request carries a valid key. */
export type KeyCheck = (ctx: Context) => boolean

/**
 * Whether a text is one of `keys`. Compares digests, which are equally long whatever was presented, with every key, so
 * that the time taken tells neither a key's length nor which one matched.
 */
export function createKeyComparison(keys: readonly string[]): (presented: string) => boolean {
  const digests = keys.map(digestOf)
  return (presented) => {
    const digest = digestOf(presented)
    return digests.reduce((valid, known) => timingSafeEqual(known, digest) || valid, false)
  }
}

/** Looks for one of `keys` in the Authorization header. */
export function createKeyCheck(keys: readonly string[]): KeyCheck {
  const isKey = createKeyComparison(keys)
  return (ctx) => {
    const presented = /^Bearer +(\S+)\s*$/i.exec(ctx.req.headers.authorization ?? '')?.[1]
    return presented !== undefined && isKey(presented)
  }
}

/** Lets only holders of a key past. */
export function requireKey(holdsKey: KeyCheck): Middleware {
  return (ctx, next) => {
    if (holdsKey(ctx)) {
      // What is told about people belongs in nobody's cache.
      ctx.set('Cache-Control', 'no-store')
      return next()
    }
    throw new Problem(401, 'send one of the API keys, as Authorization: Bearer <key>', {
      headers: { 'WWW-Authenticate': 'Bearer realm="aftersend"' },
    })
  }
}
