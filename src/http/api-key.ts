/** Authentication for `/v1`: an API key as a bearer token, and what it allows. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { allows, type Caller, type Scope } from '../domain/access.ts'
import type { FailedKeys } from './failed-keys.ts'
import { Problem } from './problem.ts'

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** The keys that open something. */
export interface KeyRing {
  /** @returns who presents this key; null if it is none. */
  find(presented: string): Promise<Caller | null>
}

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

/** The keys of the environment: those of the operator. */
export function fixedKeys(keys: readonly string[]): KeyRing {
  const isKey = createKeyComparison(keys)
  return { find: async (presented) => (isKey(presented) ? operator : null) }
}

const operator: Caller = { name: 'environment', scopes: ['admin'], project: null }

/**
 * Refuses requests without a valid key, those with a wrong one that {@link FailedKeys} counts too often, and those whose key has none of the
 * `needed` scopes.
 */
export function requireKey(
  ring: KeyRing,
  { needed = ['read'], failedKeys = null }: { needed?: readonly Scope[]; failedKeys?: FailedKeys | null } = {},
): Middleware {
  return async (ctx, next) => {
    const presented = presentedKey(ctx)
    const caller = presented === undefined ? null : await ring.find(presented)
    if (!caller) {
      if (presented !== undefined) failedKeys?.count(ctx)
      throw new Problem(401, 'API key missing or not valid: send one as `Authorization: Bearer <key>`', {
        headers: { 'WWW-Authenticate': 'Bearer realm="aftersend"' },
      })
    }
    ctx.state['caller'] = caller
    if (!allows(caller, needed)) {
      throw new Problem(403, `the key "${caller.name}" needs the scope ${needed.join(' or ')}: create one that has it`)
    }
    // Answers hold personal data: no cache may store them.
    ctx.set('Cache-Control', 'no-store')
    return next()
  }
}

/** Who sent a request that passed {@link requireKey}. */
export const callerOf = (ctx: Context): Caller => ctx.state['caller'] as Caller
