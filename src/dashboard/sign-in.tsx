/** Signing in with an API key, and out again. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import type { FailedKeys } from '../http/failed-keys.ts'
import { name } from '../http/input.ts'
import { Brand } from './components/layout.tsx'
import { readForm, seeOther } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import { localPath } from './paths.ts'
import type { Sessions } from './sessions.ts'

interface SignInDependencies {
  readonly pages: PageRenderer
  readonly sessions: Sessions
  readonly failedKeys: FailedKeys
}

const fields = z.object({
  key: z
    .string()
    .default('')
    .transform((key) => key.trim()),
  // The name is recorded in Temporal histories, which must not contain addresses.
  name: name(64).refine((given) => !given.includes('@')),
})

/** The routes that need no session. */
export function addSignInRoutes(router: Router, { pages, sessions, failedKeys }: SignInDependencies): void {
  const show = (ctx: Context, form: Omit<SignInProps, 'next'> & { next: string }) =>
    pages.showStandalone(ctx, 'Sign in', <SignIn {...form} />)

  router.get('/sign-in', (ctx) => {
    const next = localPath(firstOf(ctx.query['next']))
    if (sessions.read(ctx)) seeOther(ctx, next)
    else show(ctx, { next, name: '', error: null })
  })

  router.post('/sign-in', async (ctx) => {
    const given = (await readForm(ctx)).fields
    const next = localPath(given['next'])
    const parsed = fields.safeParse(given)
    if (!parsed.success) {
      ctx.status = 400
      return show(ctx, {
        next,
        name: given['name'] ?? '',
        error: 'Enter a name of up to 64 characters without @.',
      })
    }
    if (!sessions.start(ctx, parsed.data.key, parsed.data.name)) {
      failedKeys.count(ctx)
      ctx.status = 401
      return show(ctx, { next, name: parsed.data.name, error: 'The API key is not valid.' })
    }
    seeOther(ctx, next)
  })

  router.post('/sign-out', (ctx) => {
    // For the audit log.
    ctx.state['session'] = sessions.read(ctx)
    sessions.end(ctx)
    seeOther(ctx, '/sign-in')
  })
}

const firstOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value)

interface SignInProps {
  readonly next: string
  readonly name: string
  readonly error: string | null
}

const SignIn = ({ next, name, error }: SignInProps) => (
  <form class="card alone-card" method="post" action="/sign-in">
    <Brand />
    <h1>Sign in</h1>
    {error && (
      <p class="error" role="alert">
        {error}
      </p>
    )}
    <label>
      Your name
      <input name="name" value={name} required maxLength={64} pattern="[^@]+" autoComplete="nickname" dir="auto" />
      <span class="hint">Shown to colleagues beside your actions.</span>
    </label>
    <label>
      API key
      <input name="key" type="password" required autoComplete="current-password" aria-describedby="key-hint" />
      <span class="hint" id="key-hint">
        One of <code>API_KEYS</code>. If Aftersend generated it, see <code>.aftersend/credentials.json</code>.
      </span>
    </label>
    <input type="hidden" name="next" value={next} />
    <button type="submit" class="primary">
      Sign in
    </button>
  </form>
)
