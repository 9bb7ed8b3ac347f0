/** An OpenID provider for tests: discovery, authorization, token, userinfo and keys, with real signatures. It can lie. */
import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export const clientId = 'aftersend'
export const clientSecret = 'secret-of-the-client'

type Claims = Record<string, unknown>

const keyPairs = (): Record<'RS256' | 'ES256', KeyPairKeyObjectResult> => ({
  RS256: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
})
const [published, unpublished] = [keyPairs(), keyPairs()]

interface Authorization {
  readonly nonce: string
  readonly challenge: string
  readonly redirectUri: string
}

export class OpenIdStandIn {
  /** Of the next person who signs in. */
  claims: Claims = {}
  /** Of the userinfo endpoint only. */
  moreClaims: Claims = {}
  /** Replaces claims of the ID token, to lie. */
  lies: Claims = {}
  /** Shows a page before it sends the browser back. */
  asksPerson = false
  /** Signs with a key that the provider does not publish. */
  forges = false
  algorithm: 'RS256' | 'ES256' = 'RS256'
  /** Answered by the token endpoint in place of tokens. */
  tokenError: { readonly status: number; readonly error: string } | null = null
  /** How the client must send its secret; null: the provider does not say. */
  secretBy: 'client_secret_post' | null = null
  discoveries = 0
  port = 0
  readonly #host: string
  readonly #codes = new Map<string, Authorization>()
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
  })

  /** @param host by which browsers reach it: `localhost` is another site than `127.0.0.1`. */
  constructor(host = '127.0.0.1') {
    this.#host = host
  }

  get issuer(): string {
    return `http://${this.#host}:${this.port}/realm`
  }

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen({ port, host: '127.0.0.1' }, resolve))
    this.port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer)
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    switch (url.pathname) {
      case '/realm/.well-known/openid-configuration':
        this.discoveries += 1
        return void json(200, this.#configuration())
      case '/realm/authorize':
        return void this.#showSignIn(response, this.#authorize(url.searchParams))
      case '/realm/token':
        return void json(...(await this.#token(request)))
      case '/realm/userinfo':
        return void json(200, { sub: this.claims['sub'], ...this.moreClaims })
      case '/realm/keys':
        return void json(200, {
          keys: Object.entries(published).map(([alg, { publicKey }]) => ({
            ...publicKey.export({ format: 'jwk' }),
            alg,
            kid: alg,
            use: 'sig',
          })),
        })
      default:
        return void json(404, {})
    }
  }

  #showSignIn(response: ServerResponse, location: string): void {
    if (!this.asksPerson) return void response.writeHead(302, { location }).end()
    const link = `<!doctype html><a href="${location.replaceAll('&', '&amp;')}">Allow</a>`
    response.writeHead(200, { 'content-type': 'text/html' }).end(link)
  }

  #configuration() {
    const at = (path: string) => `${this.issuer}/${path}`
    return {
      issuer: this.issuer,
      authorization_endpoint: at('authorize'),
      token_endpoint: at('token'),
      userinfo_endpoint: at('userinfo'),
      jwks_uri: at('keys'),
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      ...(this.secretBy && { token_endpoint_auth_methods_supported: [this.secretBy] }),
    }
  }

  #authorize(query: URLSearchParams): string {
    const given = (name: string) => query.get(name) ?? ''
    if (given('client_id') !== clientId || given('code_challenge_method') !== 'S256')
      throw new Error('not a request of ours')
    const code = randomUUID()
    const redirectUri = given('redirect_uri')
    this.#codes.set(code, { nonce: given('nonce'), challenge: given('code_challenge'), redirectUri })
    return `${redirectUri}?${new URLSearchParams({ code, state: given('state') })}`
  }

  async #token(request: IncomingMessage): Promise<[number, unknown]> {
    if (this.tokenError) return [this.tokenError.status, { error: this.tokenError.error }]
    const form = new URLSearchParams(await text(request))
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const [id, secret] = basic
      ? Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
      : [form.get('client_id'), form.get('client_secret')]
    const isAsked = basic ? this.secretBy !== 'client_secret_post' : this.secretBy === 'client_secret_post'
    if (id !== clientId || secret !== clientSecret || !isAsked) return [401, { error: 'invalid_client' }]
    const code = form.get('code') ?? ''
    const authorized = this.#codes.get(code)
    this.#codes.delete(code)
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (authorized?.challenge !== challenge || authorized.redirectUri !== form.get('redirect_uri')) {
      return [400, { error: 'invalid_grant' }]
    }
    const answer = { access_token: randomUUID(), token_type: 'Bearer', id_token: this.#idToken(authorized.nonce) }
    return [200, answer]
  }

  #idToken(nonce: string): string {
    const now = Math.floor(Date.now() / 1_000)
    const claims = { iss: this.issuer, aud: clientId, iat: now, exp: now + 300, nonce, ...this.claims, ...this.lies }
    const { privateKey: key } = (this.forges ? unpublished : published)[this.algorithm]
    const signed = [{ alg: this.algorithm, kid: this.algorithm }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
}
