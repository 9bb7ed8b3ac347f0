/** Cookies that only this server reads. Not by Koa, which refuses Secure where it sees no TLS, as behind a proxy. */
import type { Context } from 'koa'

/** Whether the browser uses TLS, to us or to a proxy. A false header only makes cookies stricter. */
export const isSecure = (ctx: Context): boolean =>
  ctx.secure || ctx.get('X-Forwarded-Proto').split(',')[0]?.trim() === 'https'

/** With TLS, a name that browsers let no other host or path set (RFC 6265bis §4.1.3.2). */
const fullName = (ctx: Context, name: string): string => (isSecure(ctx) ? `__Host-${name}` : name)

export const readCookie = (ctx: Context, name: string): string => ctx.cookies.get(fullName(ctx, name)) ?? ''

interface CookieOptions {
  /** 0 removes it. */
  readonly maxAgeMs: number
  /** `Lax` comes with links from other sites, too; `Strict` never does. */
  readonly sameSite: 'Strict' | 'Lax'
}

export function setCookie(ctx: Context, name: string, value: string, { maxAgeMs, sameSite }: CookieOptions): void {
  const secure = isSecure(ctx) ? '; Secure' : ''
  ctx.append(
    'Set-Cookie',
    `${fullName(ctx, name)}=${value}; Path=/; Max-Age=${maxAgeMs / 1_000}; HttpOnly; SameSite=${sameSite}${secure}`,
  )
}
