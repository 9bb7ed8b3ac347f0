/** Authentication for `/v1`: an API key as a bearer token, and what it allows. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { allows, type Caller, type Scope } from '../domain/access.ts'
import type { FailedKeys } from './failed-keys.ts'
import { Problem } from './problem.ts'

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

export interface KeyCaller extends Caller {
  /** Names the key, and opens nothing. */
  readonly keyId: string
}

/** The keys that open something. */
export interface KeyRing {
  /** @returns who presents this key; null if it is none. */
  find(presented: string): Promise<KeyCaller | null>
  /** @returns the holder of the key with this ID; null once the key is revoked or removed. */
  findById(keyId: string): Promise<KeyCaller | null>
}

/**
 * Whether a text is one of `keys`. Compares digests of equal length with every key, so that the time taken reveals
 * neither a key's length nor which key matched.
 */
function createKeyComparison(keys: readonly string[]): (presented: string) => boolean {
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
  const ids = new Set(keys.map(environmentKeyId))
  const operator = (keyId: string): KeyCaller => ({ name: 'environment', scopes: ['admin'], project: null, keyId })
  return {
    find: async (presented) => (isKey(presented) ? operator(environmentKeyId(presented)) : null),
    findById: async (keyId) => (ids.has(keyId) ? operator(keyId) : null),
  }
}

/** Of 32 bits: they tell the keys of an operator apart, and are too few to find a key by. */
const environmentKeyId = (key: string): string =>
  `environment_${createHmac('sha256', key).update('aftersend key ID').digest('hex').slice(0, 8)}`

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
