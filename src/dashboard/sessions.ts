/** Sessions as signed cookies: any instance can verify them, and no table is needed. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import { createKeyComparison } from '../http/api-key.ts'

export interface Session {
  /** The name that the person entered; it is shown beside their actions. */
  readonly name: string
  /** The one whose data is shown; null: all. */
  readonly project: string | null
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export interface Sessions {
  /** Signs a person in. @returns false if `apiKey` is not valid. */
  start(ctx: Context, apiKey: string, name: string): boolean
  /** The session of a request; null if there is none. */
  read(ctx: Context): Session | null
  end(ctx: Context): void
}

/** A working day. The signed content has the end too, so that a cookie is not valid for longer if a browser stores it. */
const lifetimeMs = 12 * 3_600_000

const form = z.object({ name: z.string(), project: z.string().nullable().default(null), expiresAt: z.number() })

/**
 * Cookies are signed with a key derived from the API key of the sign-in. So instances with the same API keys accept them, and
 * removing an API key from the configuration ends its sessions.
 */
export function createSessions(apiKeys: readonly string[], clock: () => number): Sessions {
  const isKey = createKeyComparison(apiKeys)
  const signers = apiKeys.map(signerOf)
  return {
    start(ctx, apiKey, name) {
      if (!isKey(apiKey)) return false
      const content = Buffer.from(JSON.stringify({ name, project: null, expiresAt: clock() + lifetimeMs })).toString(
        'base64url',
      )
      setCookie(ctx, `${content}.${signerOf(apiKey)(content).toString('base64url')}`, lifetimeMs)
      return true
    },
    read(ctx) {
      const [content = '', signature = ''] = (ctx.cookies.get(cookieName(ctx)) ?? '').split('.')
      const presented = Buffer.from(signature, 'base64url')
      if (presented.length !== signatureBytes) return null
      if (!signers.some((sign) => timingSafeEqual(sign(content), presented))) return null
      // Signed, so it has the form that we wrote.
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

/** Whether the browser uses TLS, to us or to a proxy. A false header only makes the cookie stricter. */
export const isSecure = (ctx: Context): boolean =>
  ctx.secure || ctx.get('X-Forwarded-Proto').split(',')[0]?.trim() === 'https'

/** With TLS, a name that browsers let no other host or path set (RFC 6265bis §4.1.3.2). */
const cookieName = (ctx: Context): string => (isSecure(ctx) ? '__Host-aftersend' : 'aftersend')

/** Not by Koa, which refuses Secure where it sees no TLS, as behind a proxy. */
function setCookie(ctx: Context, value: string, maxAgeMs: number): void {
  const secure = isSecure(ctx) ? '; Secure' : ''
  ctx.append(
    'Set-Cookie',
    `${cookieName(ctx)}=${value}; Path=/; Max-Age=${maxAgeMs / 1_000}; HttpOnly; SameSite=Strict${secure}`,
  )
}
