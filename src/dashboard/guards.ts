/** The middleware of all pages: response headers, protection against cross-site requests, the session; and reading of forms. */
import type { Context, Middleware } from 'koa'
import { readRawBody } from '../http/body.ts'
import { Problem } from '../http/problem.ts'
import type { Session, Sessions } from './sessions.ts'

/** Browsers load and run only what this server sends, post only to it, and show its pages in no frame. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The referrer policy is not `no-referrer`: with that, browsers would send `Origin: null` with forms. */
export const setPageHeaders: Middleware = (ctx, next) => {
  ctx.set({
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
    // Pages contain personal data.
    'Cache-Control': 'no-store',
  })
  return next()
}

/**
 * Refuses forms from other sites. SameSite=Strict already withholds the cookie from them, but not from a sibling domain, and
 * does not protect the sign-in. Browsers send Sec-Fetch-Site over HTTPS and to localhost, and Origin with each POST.
 * @throws Problem 403.
 */
export const refuseCrossSiteForms: Middleware = (ctx, next) => {
  if (ctx.method === 'GET' || ctx.method === 'HEAD' || isSameOrigin(ctx)) return next()
  throw new Problem(403, 'the form was not sent from the dashboard: reload the page and try again')
}

function isSameOrigin(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site === 'same-origin'
  const origin = ctx.get('Origin')
  return URL.canParse(origin) && new URL(origin).host === ctx.get('Host')
}

/** Redirects to the sign-in without a session, and from there back to the requested page. */
export function requireSession(sessions: Sessions): Middleware {
  return async (ctx, proceed) => {
    const session = await sessions.read(ctx)
    if (session === null) {
      const next = ctx.method === 'GET' && ctx.path !== '/' ? `?next=${encodeURIComponent(ctx.url)}` : ''
      // htmx asks for part of an open page. The whole page must go to the sign-in.
      if (ctx.get('HX-Request') === 'true') {
        ctx.set('HX-Redirect', '/sign-in')
        ctx.status = 204
        return
      }
      return seeOther(ctx, `/sign-in${next}`)
    }
    ctx.state['session'] = session
    return proceed()
  }
}

/** The session of a request that passed {@link requireSession}. */
export const sessionOf = (ctx: Context): Session => ctx.state['session'] as Session

/** Redirects to a page, also after a POST. */
export const seeOther = (ctx: Context, path: string): void => {
  ctx.redirect(path)
  ctx.status = 303
}

/**
 * The fields of a URL-encoded form: `fields` has the last value of each, `all` has all.
 * @throws Problem 413 over 1 MiB, 415 for another content type.
 */
export async function readForm(ctx: Context): Promise<{ fields: Record<string, string>; all: URLSearchParams }> {
  if (!ctx.is('urlencoded')) throw new Problem(415, 'the content type must be application/x-www-form-urlencoded')
  const all = new URLSearchParams((await readRawBody(ctx)).toString('utf8'))
  const fields = Object.fromEntries(all)
  // For the audit log.
  ctx.state['form'] = fields
  return { fields, all }
}
