/** Signing in with an API key, and out again. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { name } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import { readForm } from './guards.ts'
import { Brand } from './layout.tsx'
import { localPath, type Pages, seeOther } from './pages.tsx'
import type { Sessions } from './sessions.ts'
import type { SignInLimit } from './sign-in-limit.ts'

interface SignInDependencies {
  readonly pages: Pages
  readonly sessions: Sessions
  readonly limit: SignInLimit
}

const fields = z.object({
  key: z
    .string()
    .default('')
    .transform((key) => key.trim()),
  // It is written beside what the person does, and enters Temporal histories, where addresses must not be.
  name: name(64).refine((handle) => !handle.includes('@')),
})

/** The routes that are open to everybody. */
export function addSignInRoutes(router: Router, { pages, sessions, limit }: SignInDependencies): void {
  const show = (ctx: Context, form: Omit<SignInProps, 'next'> & { next: string }) =>
    pages.showAlone(ctx, 'Sign in', <SignIn {...form} />)

  router.get('/sign-in', (ctx) => {
    const next = localPath(firstOf(ctx.query['next']))
    if (sessions.read(ctx)) seeOther(ctx, next)
    else show(ctx, { next, name: '', mistake: null })
  })

  router.post('/sign-in', async (ctx) => {
    const waitMs = limit.waitMsOf(ctx)
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000)
      throw new Problem(429, `too many keys were wrong: try again in ${seconds} seconds`, {
        headers: { 'Retry-After': String(seconds) },
      })
    }
    const given = (await readForm(ctx)).fields
    const next = localPath(given['next'])
    const parsed = fields.safeParse(given)
    if (!parsed.success) {
      ctx.status = 400
      return show(ctx, {
        next,
        name: given['name'] ?? '',
        mistake: 'A name without @, please: colleagues will see it.',
      })
    }
    if (!sessions.begin(ctx, parsed.data.key, parsed.data.name)) {
      limit.noteFailure(ctx)
      ctx.status = 401
      return show(ctx, { next, name: parsed.data.name, mistake: 'This is none of the API keys that are known here.' })
    }
    seeOther(ctx, next)
  })

  router.post('/sign-out', (ctx) => {
    sessions.end(ctx)
    seeOther(ctx, '/sign-in')
  })
}

const firstOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value)

interface SignInProps {
  readonly next: string
  readonly name: string
  readonly mistake: string | null
}

const SignIn = ({ next, name, mistake }: SignInProps) => (
  <form class="card alone-card" method="post" action="/sign-in">
    <Brand />
    <h1>Sign in</h1>
    {mistake && (
      <p class="mistake" role="alert" id="mistake">
        {mistake}
      </p>
    )}
    <label>
      Your name
      <input name="name" value={name} required maxLength={64} pattern="[^@]+" autoComplete="nickname" dir="auto" />
      <span class="hint">Colleagues see who takes care of what.</span>
    </label>
    <label>
      API key
      <input name="key" type="password" required autoComplete="current-password" aria-describedby="key-hint" />
      <span class="hint" id="key-hint">
        One of <code>API_KEYS</code>. Where Aftersend made its own, it is in <code>.aftersend/credentials.json</code>.
      </span>
    </label>
    <input type="hidden" name="next" value={next} />
    <button type="submit" class="primary">
      Sign in
    </button>
  </form>
)
