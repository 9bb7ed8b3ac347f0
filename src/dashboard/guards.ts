/** What every page and every form passes: headers for the browser, whose request it is, and where it comes from. */
import type { Context, Middleware } from 'koa'
import { readRawBody } from '../api/body.ts'
import { Problem } from '../api/problem.ts'
import type { Session, Sessions } from './sessions.ts'

/** Nothing but what this server itself sends is loaded, run, framed or posted to. */
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

/** Headers of every answer. The referrer policy is not `no-referrer`: with that, browsers hide a form's Origin from us. */
export const setPageHeaders: Middleware = (ctx, next) => {
  ctx.set({
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
    // What is told about people belongs in nobody's cache.
    'Cache-Control': 'no-store',
  })
  return next()
}

/**
 * Refuses a form that another site sends in a signed-in person's name. The cookie's SameSite=Strict keeps such a request
 * anonymous; this holds where that is not enough (a sister domain, the sign-in itself). Browsers say where a POST
 * comes from: Sec-Fetch-Site where the address is trustworthy, Origin always.
 * @throws Problem 403.
 */
export const refuseForeignForms: Middleware = (ctx, next) => {
  if (ctx.method === 'GET' || ctx.method === 'HEAD' || isSameOrigin(ctx)) return next()
  throw new Problem(403, 'forms are taken from the dashboard itself only: open it anew, and try again')
}

function isSameOrigin(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site === 'same-origin'
  const origin = ctx.get('Origin')
  return URL.canParse(origin) && new URL(origin).host === ctx.get('Host')
}

/** Lets nobody past but those who are signed in; the others are asked to, and then brought where they wanted. */
export function requireSession(sessions: Sessions): Middleware {
  return (ctx, next) => {
    const session = sessions.read(ctx)
    if (session === null) {
      const wanted = ctx.method === 'GET' && ctx.path !== '/' ? `?next=${encodeURIComponent(ctx.url)}` : ''
      // A part of a page that is open still: the whole of it must go to the sign-in, not the part alone.
      if (ctx.get('HX-Request') === 'true') {
        ctx.set('HX-Redirect', '/sign-in')
        ctx.status = 204
        return
      }
      ctx.redirect(`/sign-in${wanted}`)
      ctx.status = 303
      return
    }
    ctx.state['session'] = session
    return next()
  }
}

/** Who asks, on a page behind {@link requireSession}. */
export const sessionOf = (ctx: Context): Session => ctx.state['session'] as Session

/**
 * The fields of an ordinary form: the last value of each, and all of one by `getAll`.
 * @throws Problem 413 over 1 MiB, 415 for anything but a form.
 */
export async function readForm(ctx: Context): Promise<{ fields: Record<string, string>; all: URLSearchParams }> {
  if (!ctx.is('urlencoded')) throw new Problem(415, 'send a form')
  const all = new URLSearchParams((await readRawBody(ctx)).toString('utf8'))
  return { fields: Object.fromEntries(all), all }
}
