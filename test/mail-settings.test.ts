import assert from 'node:assert/strict'
import { readConfig } from '../src/config.ts'

const mailOf = (env: Record<string, string>) => readConfig(env).mail

/** The mistakes of a configuration; empty if there is none. */
function errorsIn(env: Record<string, string>): string {
  try {
    readConfig(env)
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const MAIL_IMAP_URL = 'imaps://bounces%40example.com:pa%2Fss%20word@imap.example.com/Reports%2FBounces'

describe('the settings of mail intake', () => {
  it('take no mail and read no mailbox unless they say so', () => {
    assert.deepEqual(mailOf({}), { returnPaths: [], authservId: null, smtp: null, mailboxes: [] })
  })

  it('give each account its recipients, and the account its project', () => {
    const { smtp } = mailOf({
      ...{ MAIL_SMTP_PORT: '2525', HOST: '0.0.0.0', PROJECTS: 'shop-eu:mail/shop' },
      ...{ MAIL_RECIPIENTS: 'bounces.example.com, Bounce@Example.org', MAIL_RECIPIENTS_SHOP: 'bounces.shop.example' },
    })
    assert.ok(smtp)
    assert.deepEqual([smtp.port, smtp.host, smtp.isLmtp, smtp.tls], [2_525, '0.0.0.0', false, null])
    const first = { account: null, project: 'default' }
    assert.deepEqual(Object.fromEntries(smtp.recipients), {
      'bounces.example.com': first,
      'bounce@example.org': first,
      'bounces.shop.example': { account: 'shop', project: 'shop-eu' },
    })
    const lmtp = {
      MAIL_SMTP_PORT: '24',
      MAIL_SMTP_PROTOCOL: 'lmtp',
      MAIL_SMTP_HOST: '::1',
      MAIL_RECIPIENTS: 'a.example',
    }
    assert.deepEqual([mailOf(lmtp).smtp?.isLmtp, mailOf(lmtp).smtp?.host], [true, '::1'])
  })

  it('read a mailbox from a URL whose parts are percent-encoded', () => {
    assert.deepEqual(
      mailOf({ MAIL_IMAP_URL, MAIL_IMAP_AFTER: 'move: Read reports ', MAIL_IMAP_EVERY: '5m' }).mailboxes,
      [
        {
          ...{ name: 'default', account: null, project: 'default' },
          ...{ host: 'imap.example.com', port: 993, isSecure: true },
          ...{ user: 'bounces@example.com', folder: 'Reports/Bounces' },
          login: { by: 'password', password: 'pa/ss word' },
          ...{ after: { do: 'move', folder: 'Read reports' }, everyMs: 300_000 },
        },
      ],
    )
  })

  it('read several mailboxes, each with what becomes of its mails', () => {
    const { mailboxes } = mailOf({
      ...{ MAIL_IMAP_URL, MAIL_IMAP_URL_SHOP_EU: 'imap://shop:pw@127.0.0.1:1143', PROJECTS: 'shop:mail/shop-eu' },
      ...{ MAIL_IMAP_AFTER: 'seen', MAIL_IMAP_AFTER_SHOP_EU: 'delete' },
    })
    assert.deepEqual(
      mailboxes.map(({ name, project, port, folder, after }) => [name, project, port, folder, after.do]),
      [
        ['default', 'default', 993, 'Reports/Bounces', 'seen'],
        ['shop-eu', 'shop', 1_143, 'INBOX', 'delete'],
      ],
    )
  })

  it('are complete and valid, or refused without their values', () => {
    const smtp = { MAIL_SMTP_PORT: '2525', MAIL_RECIPIENTS: 'bounces.example.com' }
    const mistakes: [Record<string, string>, RegExp][] = [
      [{ MAIL_SMTP_PORT: '2525' }, /MAIL_RECIPIENTS is missing/],
      [{ ...smtp, MAIL_RECIPIENTS: 'localhost' }, /MAIL_RECIPIENTS must be domains or addresses/],
      [{ ...smtp, MAIL_RECIPIENTS_SHOP: '@shop.example' }, /MAIL_RECIPIENTS_SHOP must be domains or addresses/],
      [{ ...smtp, MAIL_SMTP_PROTOCOL: 'pop' }, /MAIL_SMTP_PROTOCOL must be smtp or lmtp/],
      [{ ...smtp, MAIL_SMTP_CLIENTS: '10.0.0.0/33' }, /MAIL_SMTP_CLIENTS must be IP addresses or networks/],
      [{ ...smtp, MAIL_SMTP_TLS_CERT: '/cert.pem' }, /MAIL_SMTP_TLS_KEY is missing/],
      [{ MAIL_IMAP_URL: 'https://a:secret@host/' }, /MAIL_IMAP_URL must be a URL such as imaps/],
      [
        { MAIL_IMAP_URL: 'imaps://ada@host' },
        /MAIL_IMAP_URL must contain a password, .*unless MAIL_IMAP_OAUTH_TOKEN_URL/,
      ],
      [{ MAIL_IMAP_URL_SHOP: 'imaps://host' }, /MAIL_IMAP_URL_SHOP must contain a host and a user/],
      [{ MAIL_IMAP_URL_a: MAIL_IMAP_URL }, /MAIL_IMAP_URL_a: the account name must be/],
      [{ MAIL_IMAP_URL_DEFAULT: MAIL_IMAP_URL }, /MAIL_IMAP_URL_DEFAULT: .* not default/],
      [{ MAIL_IMAP_URL, MAIL_IMAP_AFTER: 'archive' }, /MAIL_IMAP_AFTER must be keep, seen, delete, or move:/],
      [{ MAIL_IMAP_URL, MAIL_IMAP_AFTER_SHOP: 'seen' }, /MAIL_IMAP_AFTER_SHOP is of no mailbox/],
    ]
    for (const [env, message] of mistakes) {
      assert.match(errorsIn(env), message)
      assert.doesNotMatch(errorsIn(env), /secret|pa%2Fss/)
    }
  })

  it('read a mailbox with access tokens, by client credentials or by a refresh token', () => {
    const { mailboxes } = mailOf({
      ...{ MAIL_IMAP_URL: 'imaps://bounces%40example.com@outlook.office365.com', MAIL_IMAP_OAUTH_CLIENT_ID: 'client' },
      ...{ MAIL_IMAP_OAUTH_TOKEN_URL: 'https://login.example/token', MAIL_IMAP_OAUTH_CLIENT_SECRET: 'secret' },
      ...{ MAIL_IMAP_OAUTH_SCOPE: 'https://outlook.office365.com/.default', MAIL_IMAP_OAUTH_CLIENT_ID_SHOP: 'shop' },
      ...{ MAIL_IMAP_URL_SHOP: 'imaps://shop@imap.gmail.com', MAIL_IMAP_OAUTH_REFRESH_TOKEN_SHOP: 'refresh' },
      MAIL_IMAP_OAUTH_TOKEN_URL_SHOP: 'http://127.0.0.1:8080/token',
    })
    assert.deepEqual(
      mailboxes.map(({ login }) => login),
      [
        {
          ...{ by: 'oauth', tokenUrl: 'https://login.example/token', clientId: 'client', clientSecret: 'secret' },
          ...{ refreshToken: null, scope: 'https://outlook.office365.com/.default' },
        },
        {
          ...{ by: 'oauth', tokenUrl: 'http://127.0.0.1:8080/token', clientId: 'shop', clientSecret: null },
          ...{ refreshToken: 'refresh', scope: null },
        },
      ],
    )
  })

  it('have all that access tokens require, and no password beside them', () => {
    const [url, tokenUrl] = ['imaps://ada@imap.example.com', 'https://login.example/token']
    const oauth = { MAIL_IMAP_URL_SHOP: url, MAIL_IMAP_OAUTH_TOKEN_URL_SHOP: tokenUrl }
    const complete = {
      ...oauth,
      MAIL_IMAP_OAUTH_CLIENT_ID_SHOP: 'client',
      MAIL_IMAP_OAUTH_CLIENT_SECRET_SHOP: 'hunter2',
    }
    assert.equal(errorsIn(complete), '')
    const mistakes: [Record<string, string>, RegExp][] = [
      [oauth, /MAIL_IMAP_OAUTH_CLIENT_ID_SHOP is missing/],
      [oauth, /MAIL_IMAP_OAUTH_CLIENT_SECRET_SHOP is missing: .* or MAIL_IMAP_OAUTH_REFRESH_TOKEN_SHOP/],
      [{ ...complete, MAIL_IMAP_URL_SHOP: 'imaps://ada:hunter2@host' }, /MAIL_IMAP_URL_SHOP must contain no password/],
      [
        { ...complete, MAIL_IMAP_OAUTH_TOKEN_URL_SHOP: 'http://login.example/hunter2' },
        /_TOKEN_URL_SHOP must be an https/,
      ],
      [{ ...complete, MAIL_IMAP_OAUTH_TOKEN_URL_SHOP: 'http://10.0.0.7/hunter2' }, /_TOKEN_URL_SHOP must be an https/],
      [{ MAIL_IMAP_URL: url, MAIL_IMAP_OAUTH_TOKEN_URL: 'hunter2' }, /MAIL_IMAP_OAUTH_TOKEN_URL must be an http/],
      [
        { MAIL_IMAP_URL: url, MAIL_IMAP_OAUTH_SCOPE: 'hunter2' },
        /MAIL_IMAP_OAUTH_SCOPE requires MAIL_IMAP_OAUTH_TOKEN_URL/,
      ],
      [
        { MAIL_IMAP_OAUTH_CLIENT_ID_SHOP: 'a' },
        /MAIL_IMAP_OAUTH_CLIENT_ID_SHOP is of no mailbox: set MAIL_IMAP_URL_SHOP/,
      ],
      [{ MAIL_IMAP_OAUTH_CLIENT_ID: 'a' }, /MAIL_IMAP_OAUTH_CLIENT_ID is of no mailbox: set MAIL_IMAP_URL/],
    ]
    for (const [env, message] of mistakes) {
      assert.match(errorsIn(env), message)
      assert.doesNotMatch(errorsIn(env), /hunter2/)
    }
  })

  it('send no password in the clear to another network, unless insisted on', () => {
    const plain = { MAIL_IMAP_URL_SHOP: 'imap://shop:secret@imap.example.com' }
    assert.match(errorsIn(plain), /MAIL_IMAP_URL_SHOP must be an imaps:\/\/ URL/)
    assert.equal(errorsIn({ ...plain, ALLOW_INSECURE: 'MAIL_IMAP_URL_SHOP' }), '')
    assert.equal(errorsIn({ MAIL_IMAP_URL: 'imap://shop:secret@10.0.0.7' }), '')
  })
})
