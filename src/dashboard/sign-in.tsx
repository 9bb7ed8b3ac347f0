/** Signing in, with an API key or at the OpenID provider, and out again. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { allows } from '../domain/access.ts'
import type { KeyRing } from '../http/api-key.ts'
import type { FailedKeys } from '../http/failed-keys.ts'
import { name } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { SignInCard, type SignInCardProps } from './components/sign-in-card.tsx'
import { readForm, seeOther } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import { localPath } from './paths.ts'
import type { Sessions } from './sessions.ts'

export interface SignInDependencies {
  readonly pages: PageRenderer
  readonly sessions: Sessions
  /** Null: nobody signs in with a key. */
  readonly keys: KeyRing | null
  readonly failedKeys: FailedKeys
  /** Of the OpenID provider; null if there is none. */
  readonly openIdHost: string | null
}

const fields = z.object({
  key: z
    .string()
    .default('')
    .transform((key) => key.trim()),
  // The name is recorded in Temporal histories, which must not contain addresses.
  name: name(64).refine((given) => !given.includes('@')),
})

/** Answers with the sign-in page. */
export type ShowSignIn = (
  ctx: Context,
  props: Pick<SignInCardProps, 'next' | 'name' | 'error'>,
  status?: number,
) => void

export const signInPage =
  ({ pages, keys, openIdHost }: SignInDependencies): ShowSignIn =>
  (ctx, props, status = 200) => {
    ctx.status = status
    const card = <SignInCard {...props} openIdHost={openIdHost} withKeys={keys !== null} />
    pages.showStandalone(ctx, 'Sign in', card)
  }

/** The page to open after the sign-in. */
export const nextIn = (ctx: Context): string => localPath([ctx.query['next']].flat()[0])

/** The routes that need no session. */
export function addSignInRoutes(router: Router, dependencies: SignInDependencies): void {
  const { sessions, keys, failedKeys } = dependencies
  const show = signInPage(dependencies)

  router.get('/sign-in', async (ctx) => {
    const next = nextIn(ctx)
    if (await sessions.read(ctx)) seeOther(ctx, next)
    else show(ctx, { next })
  })

  router.post('/sign-in', async (ctx) => {
    if (keys === null) throw new Problem(403, 'API keys do not open the dashboard here: sign in at the provider')
    const given = (await readForm(ctx)).fields
    const next = localPath(given['next'])
    const parsed = fields.safeParse(given)
    if (!parsed.success) {
      const error = 'Enter a name of up to 64 characters without @.'
      return show(ctx, { next, name: given['name'] ?? '', error }, 400)
    }
    const caller = await keys.find(parsed.data.key)
    if (caller === null) {
      failedKeys.count(ctx)
      return show(ctx, { next, name: parsed.data.name, error: 'The API key is not valid.' }, 401)
    }
    // For the audit log.
    Object.assign(ctx.state, { actor: parsed.data.name, subject: caller.keyId })
    if (!allows(caller, ['read'])) {
      const error = `The key “${caller.name}” needs the scope read to open the dashboard.`
      return show(ctx, { next, name: parsed.data.name, error }, 403)
    }
    await sessions.start(ctx, parsed.data.name, { keyId: caller.keyId, role: null, project: caller.project })
    seeOther(ctx, next)
  })

  router.post('/sign-out', async (ctx) => {
    // For the audit log.
    ctx.state['session'] = await sessions.read(ctx)
    await sessions.end(ctx)
    seeOther(ctx, '/sign-in')
  })
}
