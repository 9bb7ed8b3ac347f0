/** The access tokens of mailboxes that take no password: OAuth 2.0 (RFC 6749) by client credentials or by a refresh token, with openid-client. */
import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client'
import type { OAuthLogin } from '../mail-settings.ts'
import { isUnanswered, reasonOf } from '../oauth-errors.ts'
import { MailboxRefusedError, MailboxUnreachableError } from './mailbox-errors.ts'

interface AccessToken {
  readonly value: string
  /** False: the endpoint has just issued it. */
  readonly isKept: boolean
}

export interface AccessTokens {
  /** @throws MailboxRefusedError when the grant is refused, MailboxUnreachableError when the endpoint gives no answer. */
  tokenFor(login: OAuthLogin): Promise<AccessToken>
  /** The next token is a new one. */
  discard(login: OAuthLogin): void
}

const timeoutSeconds = 15
/** A token that expires sooner is not used again: an activity reads for a minute. */
const leastValidityMs = 120_000

/** Keeps tokens in memory, and no longer than the endpoint says that they are valid. @param clock epoch milliseconds. */
export function createAccessTokens(clock: () => number): AccessTokens {
  const kept = new WeakMap<OAuthLogin, { readonly value: string; readonly expiresAt: number }>()
  return {
    async tokenFor(login) {
      const found = kept.get(login)
      if (found && found.expiresAt - clock() >= leastValidityMs) return { value: found.value, isKept: true }
      const { access_token: value, expires_in: validSeconds = 0 } = await requestToken(login)
      kept.set(login, { value, expiresAt: clock() + validSeconds * 1_000 })
      return { value, isKept: false }
    },
    discard: (login) => void kept.delete(login),
  }
}

async function requestToken(login: OAuthLogin): Promise<TokenEndpointResponse & TokenEndpointResponseHelpers> {
  const { tokenUrl, clientId, clientSecret, refreshToken, scope } = login
  const { host, origin, protocol } = new URL(tokenUrl)
  // Loaded only where such a mailbox is configured.
  const openid = await import('openid-client')
  const authentication = clientSecret === null ? openid.None() : openid.ClientSecretPost(clientSecret)
  const server = { issuer: origin, token_endpoint: tokenUrl }
  const client = new openid.Configuration(server, clientId, undefined, authentication)
  client.timeout = timeoutSeconds
  // Settings allow http:// on this machine alone.
  if (protocol === 'http:') openid.allowInsecureRequests(client)
  const parameters = new URLSearchParams(scope === null ? {} : { scope })
  try {
    return await (refreshToken === null
      ? openid.clientCredentialsGrant(client, parameters)
      : openid.refreshTokenGrant(client, refreshToken, parameters))
  } catch (error) {
    const reason = reasonOf(error)
    throw isUnanswered(error)
      ? new MailboxUnreachableError(`the token endpoint ${host} gives no answer (${reason})`)
      : new MailboxRefusedError(`the token endpoint ${host} refuses a token (${reason}): check ${causeOf(reason)}`)
  }
}

/** RFC 6749 §5.2. */
const causes: Readonly<Record<string, string>> = {
  invalid_client: 'MAIL_IMAP_OAUTH_CLIENT_ID and MAIL_IMAP_OAUTH_CLIENT_SECRET, which may have expired',
  invalid_grant: 'MAIL_IMAP_OAUTH_REFRESH_TOKEN: it has expired, was revoked, or is of another client',
  invalid_scope: 'MAIL_IMAP_OAUTH_SCOPE',
  unauthorized_client: 'that the client is known there, and may get tokens in this way',
}

const causeOf = (reason: string): string => causes[reason] ?? 'the variables MAIL_IMAP_OAUTH_… of the mailbox'
