/** The OpenID provider of an issuer: authorization code flow with PKCE, state and nonce. */
import type { ClientAuth, Configuration } from 'openid-client'
import type { OpenIdSettings } from '../domain/openid-person.ts'
import { isUnanswered, reasonOf } from '../oauth-errors.ts'
import { callbackPath, OpenIdError, type OpenIdProvider } from './openid-provider.ts'

/** Loaded only where a provider is configured. */
type Library = typeof import('openid-client')

interface Discovered {
  readonly openid: Library
  readonly provider: Configuration
}

const timeoutSeconds = 5
/** However many people try. */
const discoverAgainAfterMs = 5_000

/** The provider is asked for its configuration when the first person signs in, and again while it does not answer. */
export function createOpenIdProvider(settings: OpenIdSettings, clock: () => number): OpenIdProvider {
  const { host } = new URL(settings.issuer)
  const redirectUri = settings.publicUrl + callbackPath
  let discovered: Promise<Discovered> | null = null
  let failedAt = Number.NEGATIVE_INFINITY

  const discover = () =>
    discovery(settings).catch((error) => {
      failedAt = clock()
      throw new OpenIdError(503, `${host} does not answer as an OpenID provider. Try again later.`, { cause: error })
    })
  const configuration = (): Promise<Discovered> => {
    if (discovered === null || clock() - failedAt >= discoverAgainAfterMs) {
      failedAt = Number.POSITIVE_INFINITY
      discovered = discover()
    }
    return discovered
  }

  return {
    settings,
    host,

    async begin() {
      const { openid, provider } = await configuration()
      const verifier = openid.randomPKCECodeVerifier()
      const attempt = { state: openid.randomState(), nonce: openid.randomNonce(), verifier }
      const url = openid.buildAuthorizationUrl(provider, {
        redirect_uri: redirectUri,
        scope: settings.scopes,
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url, attempt }
    },

    async finish(query, { state, nonce, verifier }) {
      const { openid, provider } = await configuration()
      try {
        const tokens = await openid.authorizationCodeGrant(provider, new URL(redirectUri + query), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        const claims = tokens.claims()
        if (!claims) throw new Error('no claims')
        const hasMore = provider.serverMetadata().userinfo_endpoint !== undefined
        const more = hasMore ? await openid.fetchUserInfo(provider, tokens.access_token, claims.sub) : {}
        return { ...more, ...claims }
      } catch (error) {
        throw isUnanswered(error)
          ? new OpenIdError(503, `${host} does not answer. Try again later.`, { cause: error })
          : new OpenIdError(401, `${host} did not sign you in (${reasonOf(error)}). Try again.`, { cause: error })
      }
    },
  }
}

async function discovery({ issuer, clientId, clientSecret }: OpenIdSettings): Promise<Discovered> {
  const openid = await import('openid-client')
  const url = new URL(issuer)
  const authentication = clientSecret === null ? openid.None() : secretBy(openid, clientSecret)
  const provider = await openid.discovery(url, clientId, undefined, authentication, {
    timeout: timeoutSeconds,
    // Config allows http:// within a private network only, or where the operator insists.
    execute: url.protocol === 'http:' ? [openid.allowInsecureRequests] : [],
  })
  // Without, TLS alone would vouch for an ID token.
  openid.enableNonRepudiationChecks(provider)
  return { openid, provider }
}

/**
 * In the body if the provider supports that, since not all decode the header alike. Providers that do not say support the header
 * (OpenID Connect Discovery 1.0 §3).
 */
function secretBy(openid: Library, secret: string): ClientAuth {
  const [basic, post] = [openid.ClientSecretBasic(secret), openid.ClientSecretPost(secret)]
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    return (methods.includes('client_secret_post') ? post : basic)(server, ...rest)
  }
}
