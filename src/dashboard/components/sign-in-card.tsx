/** The ways to sign in. */
import { pathWith } from '../paths.ts'
import { Brand } from './layout.tsx'

export interface SignInCardProps {
  /** The page to open then. */
  readonly next: string
  readonly name?: string
  readonly error?: string | null
  /** The host of the OpenID provider; null if there is none. */
  readonly openIdHost: string | null
  readonly withKeys: boolean
}

export const SignInCard = ({ next, name = '', error = null, openIdHost, withKeys }: SignInCardProps) => (
  <div class="card alone-card">
    <Brand />
    <h1>Sign in</h1>
    {error && (
      <p class="error" role="alert">
        {error}
      </p>
    )}
    {openIdHost && (
      <p>
        {/* A link: the Content-Security-Policy lets no form lead to another host. */}
        <a class="button primary" href={pathWith('/sign-in/openid', { next })}>
          Sign in at {openIdHost}
        </a>
      </p>
    )}
    {openIdHost && withKeys && <p class="muted">Or with an API key:</p>}
    {withKeys && <KeyForm next={next} name={name} />}
  </div>
)

const KeyForm = ({ next, name }: { next: string; name: string }) => (
  <form class="sign-in-form" method="post" action="/sign-in">
    <label>
      Your name
      <input name="name" value={name} required maxLength={64} pattern="[^@]+" autoComplete="nickname" dir="auto" />
      <span class="hint">Shown to colleagues beside your actions.</span>
    </label>
    <label>
      API key
      <input name="key" type="password" required autoComplete="current-password" aria-describedby="key-hint" />
      <span class="hint" id="key-hint">
        A named key, or one of <code>API_KEYS</code>. If Aftersend generated it, see{' '}
        <code>.aftersend/credentials.json</code>.
      </span>
    </label>
    <input type="hidden" name="next" value={next} />
    <button type="submit" class="primary">
      Sign in
    </button>
  </form>
)

/** A page of its own, since the browser does not send a new SameSite=Strict cookie to where another site's redirect leads. */
export const SignedInCard = ({ next }: { next: string }) => (
  <div class="card alone-card">
    <Brand />
    <h1>You are signed in</h1>
    <p>
      <a class="button primary" href={next}>
        Continue
      </a>
    </p>
  </div>
)
