/** Who is signed in: a signed cookie that any instance can check, and no table of sessions. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import { createKeyComparison } from '../api/api-key.ts'

export interface Session {
  /** The handle that the person gave, shown beside what they did. */
  readonly name: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export interface Sessions {
  /** Signs a person in, if `apiKey` is one of ours. @returns whether it is. */
  begin(ctx: Context, apiKey: string, name: string): boolean
  /** Whose request this is; null for nobody's. */
  read(ctx: Context): Session | null
  end(ctx: Context): void
}

/** A working day. The cookie itself says when it ends, so that a browser which keeps it for longer gains nothing. */
const lifetimeMs = 12 * 3_600_000

const form = z.object({ name: z.string(), expiresAt: z.number() })

/**
 * Cookies are signed with a key that is derived from the API key that was presented: instances with the same API keys
 * agree, and a key that is taken out of the configuration ends the sessions that began with it.
 */
export function createSessions(apiKeys: readonly string[], clock: () => number): Sessions {
  const isKey = createKeyComparison(apiKeys)
  const signers = apiKeys.map(signerOf)
  return {
    begin(ctx, apiKey, name) {
      if (!isKey(apiKey)) return false
      const content = Buffer.from(JSON.stringify({ name, expiresAt: clock() + lifetimeMs })).toString('base64url')
      setCookie(ctx, `${content}.${signerOf(apiKey)(content).toString('base64url')}`, lifetimeMs)
      return true
    },
    read(ctx) {
      const [content = '', signature = ''] = (ctx.cookies.get(cookieName(ctx)) ?? '').split('.')
      const presented = Buffer.from(signature, 'base64url')
      if (presented.length !== signatureBytes) return null
      if (!signers.some((sign) => timingSafeEqual(sign(content), presented))) return null
      // Ours, since it is signed.
      const session = form.parse(JSON.parse(Buffer.from(content, 'base64url').toString('utf8')))
      return session.expiresAt > clock() ? session : null
    },
    end: (ctx) => setCookie(ctx, '', 0),
  }
}

const signatureBytes = 32

function signerOf(apiKey: string): (content: string) => Buffer {
  const key = createHmac('sha256', apiKey).update('aftersend dashboard session').digest()
  return (content) => createHmac('sha256', key).update(content).digest()
}

/** Whether the browser speaks TLS, to us or to the proxy before us. Claimed falsely, it only makes a cookie stricter. */
export const isSecure = (ctx: Context): boolean =>
  ctx.secure || ctx.get('X-Forwarded-Proto').split(',')[0]?.trim() === 'https'

/** With TLS a name that browsers let no other host or path set (RFC 6265bis §4.1.3.2). */
const cookieName = (ctx: Context): string => (isSecure(ctx) ? '__Host-aftersend' : 'aftersend')

/** By hand, since Koa's own refuses Secure where it sees no TLS, as behind a proxy. */
function setCookie(ctx: Context, value: string, maxAgeMs: number): void {
  const secure = isSecure(ctx) ? '; Secure' : ''
  ctx.append(
    'Set-Cookie',
    `${cookieName(ctx)}=${value}; Path=/; Max-Age=${maxAgeMs / 1_000}; HttpOnly; SameSite=Strict${secure}`,
  )
}
