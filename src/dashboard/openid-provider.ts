/** What the sign-in needs of an OpenID provider. */
import type { Claims, OpenIdSettings } from '../domain/openid-person.ts'

/** What the browser keeps between the redirect to the provider and the way back. */
interface SignInAttempt {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export interface OpenIdProvider {
  readonly settings: OpenIdSettings
  /** For people. */
  readonly host: string
  /** @returns where to send the browser. @throws OpenIdError. */
  begin(): Promise<{ readonly url: URL; readonly attempt: SignInAttempt }>
  /**
   * Verifies the answer.
   * @param query with which the browser came back, from the question mark on.
   * @returns the claims of the ID token and of the userinfo endpoint.
   * @throws OpenIdError.
   */
  finish(query: string, attempt: SignInAttempt): Promise<Claims>
}

/** 503: the provider does not answer. 401: its answer proves nothing. The message is for the person, without what the provider wrote. */
export class OpenIdError extends Error {
  override name = 'OpenIdError'
  readonly status: 401 | 503

  constructor(status: 401 | 503, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** The path at which people come back from the provider. */
export const callbackPath = '/sign-in/callback'
