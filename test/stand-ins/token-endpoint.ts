/** A token endpoint of OAuth 2.0 (RFC 6749 §4.4, §5, §6), which issues the access tokens that an IMAP server accepts. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { OAuthLogin } from '../../src/mail-settings.ts'

export class TokenEndpoint {
  /** The parameters of each request. */
  readonly requests: Readonly<Record<string, string>>[] = []
  /** Answered in place of a token. */
  error: { readonly status: number; readonly body: object } | null = null
  validSeconds: number | undefined = 3_600
  readonly #accepted: Set<string>
  readonly #server: Server
  #issued = 0

  /** @param accepted receives each token that is issued. */
  constructor(accepted: Set<string>) {
    this.#accepted = accepted
    this.#server = createServer(async (request, response) => {
      this.requests.push(Object.fromEntries(new URLSearchParams(await text(request))))
      const { status, body } = this.error ?? { status: 200, body: this.#issue() }
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
    })
  }

  /** @returns a login by client credentials. */
  async listen(): Promise<OAuthLogin> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as AddressInfo
    return {
      ...{ by: 'oauth', tokenUrl: `http://127.0.0.1:${port}/token`, clientId: 'client-of-tests' },
      ...{ clientSecret: 'secret of/the+client', refreshToken: null, scope: 'https://mail.example/.default' },
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #issue(): object {
    this.#issued += 1
    const token = `token-${this.#issued}`
    this.#accepted.add(token)
    return { token_type: 'Bearer', access_token: token, expires_in: this.validSeconds }
  }
}
