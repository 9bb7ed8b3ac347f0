import assert from 'node:assert/strict'
import type { MailboxSettings, OAuthLogin } from '../../src/mail-settings.ts'
import { createMailboxOpener, type OpenMailboxOf } from '../../src/mailboxes/mailbox.ts'
import { MailboxRefusedError, MailboxUnreachableError } from '../../src/mailboxes/mailbox-errors.ts'
import { ImapStandIn } from '../stand-ins/imap.ts'
import { TokenEndpoint } from '../stand-ins/token-endpoint.ts'

describe('a mailbox that takes access tokens of OAuth 2.0', () => {
  let server: ImapStandIn
  let endpoint: TokenEndpoint
  let settings: MailboxSettings
  let login: OAuthLogin
  let now: number
  let openMailbox: OpenMailboxOf

  beforeEach(async () => {
    server = new ImapStandIn()
    server.offersOAuth = true
    endpoint = new TokenEndpoint(server.accessTokens)
    login = await endpoint.listen()
    now = 0
    openMailbox = createMailboxOpener(() => now)
    settings = {
      ...{ name: 'default', project: 'default', account: null, everyMs: 1_000, isSecure: false },
      ...{ host: '127.0.0.1', port: await server.listen(), user: server.user, login },
      ...{ folder: 'INBOX', after: { do: 'keep' } },
    }
  })
  afterEach(() => Promise.all([server.close(), endpoint.close()]))

  const read = async (changes: Partial<MailboxSettings> = {}) => {
    const opened = await openMailbox({ ...settings, ...changes })
    await opened.close()
  }
  const logins = () => server.commands.filter((command) => command.startsWith('AUTHENTICATE')).length

  it('is opened with a token by client credentials', async () => {
    await read()
    assert.deepEqual(endpoint.requests, [
      {
        ...{ grant_type: 'client_credentials', scope: 'https://mail.example/.default' },
        ...{ client_id: 'client-of-tests', client_secret: 'secret of/the+client' },
      },
    ])
  })

  it('is opened with a token by a refresh token, with a secret of the client or without', async () => {
    await read({ login: { ...login, refreshToken: 'refresh/token', scope: null } })
    await read({ login: { ...login, refreshToken: 'refresh/token', clientSecret: null } })
    const common = { grant_type: 'refresh_token', refresh_token: 'refresh/token', client_id: 'client-of-tests' }
    assert.deepEqual(endpoint.requests, [
      { ...common, client_secret: 'secret of/the+client' },
      { ...common, scope: 'https://mail.example/.default' },
    ])
  })

  it('is opened with the same token until shortly before it expires', async () => {
    await read()
    now = 3_400_000
    await read({ folder: 'INBOX' })
    assert.equal(endpoint.requests.length, 1)
    now = 3_500_000
    await read()
    assert.equal(endpoint.requests.length, 2)
  })

  it('gets a token for each reading when the endpoint does not say for how long it is valid', async () => {
    endpoint.validSeconds = undefined
    await read()
    await read()
    assert.equal(endpoint.requests.length, 2)
  })

  it('gets another token when the server refuses the one that was kept', async () => {
    await read()
    server.accessTokens.delete('token-1')
    await read()
    assert.deepEqual([endpoint.requests.length, logins()], [2, 3])
  })

  it('refuses a new token once, and says what to check, without the token and the user', async () => {
    await assert.rejects(read({ user: 'somebody@example.com' }), (error) => {
      assert.ok(error instanceof MailboxRefusedError)
      assert.match(error.message, /refuses the access token: check that the user in MAIL_IMAP_URL is this mailbox/)
      assert.doesNotMatch(error.message, /token-|somebody/)
      return true
    })
    assert.equal(logins(), 1)
    await assert.rejects(read({ user: 'somebody@example.com' }), MailboxRefusedError)
    assert.deepEqual([endpoint.requests.length, logins()], [2, 2], 'a refused token is not kept')
  })

  it('is refused by a server that takes passwords alone', async () => {
    server.offersOAuth = false
    await assert.rejects(read(), /refuses access tokens: it offers neither XOAUTH2 nor OAUTHBEARER/)
    assert.equal(logins(), 0)
  })

  it('keeps the token when the folder is refused', async () => {
    await assert.rejects(read({ folder: 'Nowhere' }), /refuses the folder Nowhere/)
    await assert.rejects(read({ folder: 'Nowhere' }), /refuses the folder Nowhere/)
    assert.deepEqual([endpoint.requests.length, logins()], [1, 2])
  })

  it('is refused where the endpoint refuses the grant, and says which variable to check, without secrets', async () => {
    const refusals: [string, RegExp][] = [
      ['invalid_client', /\(invalid_client\): check MAIL_IMAP_OAUTH_CLIENT_ID and MAIL_IMAP_OAUTH_CLIENT_SECRET/],
      ['invalid_grant', /\(invalid_grant\): check MAIL_IMAP_OAUTH_REFRESH_TOKEN/],
      ['invalid_scope', /\(invalid_scope\): check MAIL_IMAP_OAUTH_SCOPE/],
      ['secret of/the+client', /\(OAUTH_RESPONSE_BODY_ERROR\): check the variables MAIL_IMAP_OAUTH_…/],
    ]
    for (const [code, message] of refusals) {
      endpoint.error = { status: 400, body: { error: code, error_description: 'not with secret of/the+client' } }
      await assert.rejects(read(), (error) => {
        assert.ok(error instanceof MailboxRefusedError)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /secret of/)
        return true
      })
    }
    assert.equal(logins(), 0)
  })

  it('is unreachable where the endpoint gives no answer, or says that this passes', async () => {
    for (const [status, error] of [
      [503, 'server_error'],
      [429, 'slow_down'],
      [400, 'temporarily_unavailable'],
    ] as const) {
      endpoint.error = { status, body: { error } }
      await assert.rejects(read(), MailboxUnreachableError)
    }
    await endpoint.close()
    await assert.rejects(read(), /the token endpoint 127\.0\.0\.1:\d+ gives no answer/)
  })
})
