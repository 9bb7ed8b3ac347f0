/** The routes that lead to the OpenID provider, and back. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import { personOf } from '../domain/openid-person.ts'
import { Problem } from '../http/problem.ts'
import { withoutMessage } from '../http/request-log.ts'
import { SignedInCard } from './components/sign-in-card.tsx'
import { readCookie, setCookie } from './cookies.ts'
import { seeOther } from './guards.ts'
import { callbackPath, OpenIdError, type OpenIdProvider } from './openid-provider.ts'
import { localPath } from './paths.ts'
import { nextIn, type SignInDependencies, signInPage } from './sign-in.tsx'

interface OpenIdSignInDependencies extends SignInDependencies {
  readonly provider: OpenIdProvider
  readonly log: Logger
}

const cookie = 'aftersend-openid'
/** For the password and the second factor at the provider. */
const attemptMs = 10 * 60_000
/** A browser stores cookies of up to 4 KiB. */
const maxNextLength = 1_000

const attemptForm = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string() })

export function addOpenIdRoutes(router: Router, dependencies: OpenIdSignInDependencies): void {
  const { pages, sessions, failedKeys, provider, log } = dependencies
  const { publicUrl, roles, rolesClaim } = provider.settings
  const show = signInPage(dependencies)
  const showError = (ctx: Context, next: string, error: unknown) => {
    if (!(error instanceof OpenIdError)) throw error
    log.warn({ err: withoutMessage(error), status: error.status }, 'a sign-in by OpenID Connect failed')
    if (error.status === 401) failedKeys.count(ctx)
    show(ctx, { next, error: error.message }, error.status)
  }

  router.get('/sign-in/openid', async (ctx) => {
    const next = nextIn(ctx)
    try {
      const { url, attempt } = await provider.begin()
      const kept = { ...attempt, next: next.length > maxNextLength ? '/' : next }
      const value = Buffer.from(JSON.stringify(kept)).toString('base64url')
      setCookie(ctx, cookie, value, { maxAgeMs: attemptMs, sameSite: 'Lax' })
      seeOther(ctx, url.href)
    } catch (error) {
      showError(ctx, next, error)
    }
  })

  router.get(callbackPath, async (ctx) => {
    const attempt = attemptForm.safeParse(jsonIn(readCookie(ctx, cookie))).data
    if (!attempt) {
      const error = `Sign in again: it took longer than 10 minutes, or began at another address than ${publicUrl}.`
      return show(ctx, { next: '/', error }, 400)
    }
    // An answer of the provider is used once.
    setCookie(ctx, cookie, '', { maxAgeMs: 0, sameSite: 'Lax' })
    const next = localPath(attempt.next)
    try {
      const claims = await provider.finish(ctx.search, attempt)
      const { name, id, role } = personOf(claims, roles, rolesClaim)
      // For the audit log.
      Object.assign(ctx.state, { actor: name, subject: id })
      if (role === null) {
        failedKeys.count(ctx)
        throw new Problem(403, `${name}, you have no role here: ask the operator for one (OIDC_ROLES)`)
      }
      await sessions.start(ctx, name, { keyId: null, role, project: null })
    } catch (error) {
      return showError(ctx, next, error)
    }
    ctx.set('Refresh', `0; url=${next}`)
    pages.showStandalone(ctx, 'Signed in', <SignedInCard next={next} />)
  })
}

function jsonIn(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
