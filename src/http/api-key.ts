/** Authentication for `/v1`: one of the configured API keys as a bearer token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { FailedKeys } from './failed-keys.ts'
import { Problem } from './problem.ts'

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Whether the request carries a valid key. */
export type KeyCheck = (ctx: Context) => boolean

/**
 * Whether a text is one of `keys`. Compares digests of equal length with every key, so that the time taken reveals
 * neither a key's length nor which key matched.
 */
export function createKeyComparison(keys: readonly string[]): (presented: string) => boolean {
  const digests = keys.map(digestOf)
  return (presented) => {
    const digest = digestOf(presented)
    return digests.reduce((valid, known) => timingSafeEqual(known, digest) || valid, false)
  }
}

const presentedKey = (ctx: Context): string | undefined =>
  /^Bearer +(\S+)\s*$/i.exec(ctx.req.headers.authorization ?? '')?.[1]

/** Checks the Authorization header for one of `keys`. */
export function createKeyCheck(keys: readonly string[]): KeyCheck {
  const isKey = createKeyComparison(keys)
  return (ctx) => {
    const presented = presentedKey(ctx)
    return presented !== undefined && isKey(presented)
  }
}

/** Refuses requests without a valid key, and those with a wrong one that {@link FailedKeys} counts too often. */
export function requireKey(hasKey: KeyCheck, failedKeys: FailedKeys | null = null): Middleware {
  return (ctx, next) => {
    if (hasKey(ctx)) {
      // Answers hold personal data: no cache may store them.
      ctx.set('Cache-Control', 'no-store')
      return next()
    }
    if (presentedKey(ctx) !== undefined) failedKeys?.count(ctx)
    throw new Problem(401, 'API key missing or not valid: send one of API_KEYS as `Authorization: Bearer <key>`', {
      headers: { 'WWW-Authenticate': 'Bearer realm="aftersend"' },
    })
  }
}
