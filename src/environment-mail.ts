/**
 * The environment variables of whole mails, such as bounces, and of their intake: the server that takes them by SMTP or LMTP, and the
 * mailboxes that are read by IMAP.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { isReturnPath } from './domain/return-path.ts'
import * as format from './environment-formats.ts'
import { forApi, forBoth, forWorker } from './environment-formats.ts'

/** Loopback, private, link-local and unique local addresses (RFC 6890). */
const privateNetworks = '10.0.0.0/8,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16,::1,fc00::/7,fe80::/10'

const networks = z
  .string()
  .default(privateNetworks)
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )
  .refine((given) => given.length > 0 && given.every(isNetwork), 'must be IP addresses or networks such as 10.0.0.0/8')
  .meta({ form: 'comma-separated IP addresses, or networks such as `10.0.0.0/8`' })

function isNetwork(text: string): boolean {
  const [address = '', prefix] = text.split('/')
  const family = isIP(address)
  return (
    family !== 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)))
  )
}

const domainForm = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/

/** Addresses, and domains for all of their addresses; in lower case. */
export const recipients = format.list
  .transform((given) => given.map((entry) => entry.toLowerCase()))
  .refine(
    (given) => given.every((entry) => domainForm.test(entry) || z.email().safeParse(entry).success),
    'must be domains or addresses such as bounces.example.com or bounce@example.com',
  )
  .meta({ form: 'comma-separated domains and email addresses' })

export type AfterReading =
  | { readonly do: 'keep' | 'seen' | 'delete' }
  | { readonly do: 'move'; readonly folder: string }

export const afterReading = z
  .string()
  .default('keep')
  .transform((text, issues): AfterReading => {
    if (text === 'keep' || text === 'seen' || text === 'delete') return { do: text }
    const folder = /^move:(.*\S.*)$/.exec(text)?.[1]?.trim()
    if (folder !== undefined) return { do: 'move', folder }
    issues.addIssue({ code: 'custom', message: 'must be keep, seen, delete, or move: with the name of a folder' })
    return z.NEVER
  })
  .meta({ form: '`keep`, `seen`, `delete`, `move:<folder>`' })

export const imapUrl = z
  .url({ protocol: /^imaps?$/, error: 'must be a URL such as imaps://user:password@host/INBOX' })
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null
    return url !== null && url.hostname !== '' && url.username !== ''
  }, 'must contain a host and a user, percent-encoded')
  .meta({ form: '`imaps://user:password@host/INBOX`' })

export const oauthTokenUrl = format.httpUrl
  .refine((text) => {
    const { protocol, hostname } = URL.canParse(text) ? new URL(text) : { protocol: '', hostname: '' }
    return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  }, 'must be an https:// URL, since it gets a secret')
  .meta({ form: 'HTTPS URL' })

const oauthText = format.text.optional()

const returnPaths = format.list
  .refine((paths) => paths.every(isReturnPath), 'must be addresses with {id} before the @')
  .meta({ form: 'comma-separated addresses with `{id}`' })

export const mail = {
  MAIL_RETURN_PATH: forBoth(
    returnPaths,
    'Return paths that contain the email’s ID, such as `bounce+{id}@bounces.example.com`. Bounces are found by it. With it, a bounce that comes to no such ' +
      'address, about an email that is not known, is dropped.',
    'bounces are found by Message-ID',
  ),
  MAIL_AUTHSERV_ID: forBoth(
    format.text.regex(/^[^\s;="()]+$/, 'must be a name such as mx.example.com').optional(),
    'The name that your mail server writes into the header `Authentication-Results` (RFC 8601) of the mail that it receives. The page Domains then shows who vouches ' +
      'for DMARC reports. Set it only if the server adds that header to all mail.',
    'DMARC reports are not verified',
  ),
  MAIL_SMTP_PORT: forApi(format.port, 'The port on which the API takes mail by SMTP or LMTP.', 'no mail is taken so'),
  MAIL_SMTP_HOST: forApi(format.text.optional(), 'The address to listen on for it.', 'that of `HOST`'),
  MAIL_SMTP_PROTOCOL: forApi(
    z.enum(['smtp', 'lmtp'], 'must be smtp or lmtp').default('smtp'),
    'What is spoken there. With `lmtp`, each recipient is answered for.',
  ),
  MAIL_RECIPIENTS: forApi(
    recipients,
    'Whose mail is taken: addresses (with any `+extension`), and domains for all of their addresses. All other recipients are refused. Required ' +
      'with `MAIL_SMTP_PORT`.',
    'none',
  ),
  MAIL_SMTP_CLIENTS: forApi(networks, 'Who may connect: the mail servers that forward. All others are refused.'),
  MAIL_SMTP_TLS_CERT: forApi(
    format.path.optional(),
    'File with the certificate and its chain in PEM, for STARTTLS. It is read when the process starts.',
    'no STARTTLS',
  ),
  MAIL_SMTP_TLS_KEY: forApi(
    format.path.optional(),
    'File with the key to it, in PEM. Required with `MAIL_SMTP_TLS_CERT`.',
  ),
  MAIL_IMAP_URL: forWorker(
    imapUrl.optional(),
    'A mailbox that is read by IMAP. User and password are percent-encoded; the path is the folder. Without a password with ' +
      '[OAuth 2.0](mail-intake.md#oauth-20).',
    'no mailbox is read',
  ),
  MAIL_IMAP_OAUTH_TOKEN_URL: forWorker(
    oauthTokenUrl.optional(),
    'Where a mailbox without a password gets its access tokens: the token endpoint of OAuth 2.0.',
  ),
  MAIL_IMAP_OAUTH_CLIENT_ID: forWorker(oauthText, 'The client’s ID there. Required with `MAIL_IMAP_OAUTH_TOKEN_URL`.'),
  MAIL_IMAP_OAUTH_CLIENT_SECRET: forWorker(
    oauthText,
    'Its secret. Without `MAIL_IMAP_OAUTH_REFRESH_TOKEN`, the client asks in its own name (client credentials).',
  ),
  MAIL_IMAP_OAUTH_REFRESH_TOKEN: forWorker(
    oauthText,
    'The refresh token by which a person has allowed the client to read the mailbox.',
  ),
  MAIL_IMAP_OAUTH_SCOPE: forWorker(
    oauthText,
    'The scopes of access tokens, separated by spaces.',
    'those that the endpoint has for the client',
  ),
  MAIL_IMAP_AFTER: forWorker(
    afterReading,
    'What becomes of a mail there, after what it reports is stored: it is left as it is, marked as seen, deleted, or moved.',
  ),
  MAIL_IMAP_EVERY: forWorker(format.duration('1m'), 'The time between two looks into a mailbox.'),
}
