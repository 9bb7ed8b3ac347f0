/** Mail intake, from the variables: the server for SMTP or LMTP, and each mailbox from the variables that end in its name. */
import type { z } from 'zod'
import { defaultProject, type Projects } from './domain/project.ts'
import type { Environment } from './environment.ts'
import { type AfterReading, afterReading, imapUrl, oauthTokenUrl, recipients } from './environment-mail.ts'
import { isPlainTo } from './insecure-settings.ts'

/** The account of an intake: a further one has the project of `mail/<account>` in PROJECTS. */
export interface MailAccount {
  readonly project: string
  /** Null: the first one. */
  readonly account: string | null
}

export interface SmtpSettings {
  readonly port: number
  readonly host: string
  readonly isLmtp: boolean
  /** Addresses and domains in lower case, each with whose mail it receives. */
  readonly recipients: ReadonlyMap<string, MailAccount>
  /** IP addresses and networks that may connect. */
  readonly clients: readonly string[]
  /** Paths of PEM files; null: no STARTTLS. */
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null
}

interface PasswordLogin {
  readonly by: 'password'
  readonly password: string
}

/** By an access token of OAuth 2.0. */
export interface OAuthLogin {
  readonly by: 'oauth'
  readonly tokenUrl: string
  readonly clientId: string
  /** Null: of a public client. */
  readonly clientSecret: string | null
  /** Null: the client asks in its own name (client credentials). */
  readonly refreshToken: string | null
  /** Null: the one that the token endpoint has for the client. */
  readonly scope: string | null
}

export interface MailboxSettings extends MailAccount {
  /** `default`, or the account's name. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** Whether the connection begins with TLS. Otherwise it uses STARTTLS if the server offers it. */
  readonly isSecure: boolean
  readonly user: string
  readonly login: PasswordLogin | OAuthLogin
  readonly folder: string
  readonly after: AfterReading
  readonly everyMs: number
}

export interface MailSettings {
  /** Each with `{id}`, such as `bounce+{id}@bounces.example.com`. */
  readonly returnPaths: readonly string[]
  /** Whose Authentication-Results are trusted, in lower case; null: nobody's. */
  readonly authservId: string | null
  /** Null: no mail is taken by SMTP or LMTP. */
  readonly smtp: SmtpSettings | null
  readonly mailboxes: readonly MailboxSettings[]
}

type Given = Readonly<Record<string, string | undefined>>

/** The mailbox without a name in its variables. */
const firstMailbox = 'default'

const accountForm = /^[A-Z0-9]+(_[A-Z0-9]+)*$/

/** @param given all variables, since the names of mailboxes and accounts are a part of those of their variables. */
export function mailSettings(env: Environment, given: Given, projects: Pick<Projects, 'accounts'>): MailSettings {
  const ownerOf = (account: string | null): MailAccount => ({
    account,
    project: projects.accounts.get(account === null ? 'mail' : `mail/${account}`) ?? defaultProject,
  })
  return {
    returnPaths: env.MAIL_RETURN_PATH,
    authservId: env.MAIL_AUTHSERV_ID?.toLowerCase() ?? null,
    smtp: env.MAIL_SMTP_PORT === undefined ? null : smtpSettings(env, env.MAIL_SMTP_PORT, given, ownerOf),
    mailboxes: named(given, 'MAIL_IMAP_URL').map(({ suffix, account, value }) => ({
      name: account ?? firstMailbox,
      ...ownerOf(account),
      ...serverOf(value),
      login: loginOf(value, given, suffix),
      after: afterReading.parse(given[`MAIL_IMAP_AFTER${suffix}`]),
      everyMs: env.MAIL_IMAP_EVERY,
    })),
  }
}

const smtpSettings = (
  env: Environment,
  port: number,
  given: Given,
  ownerOf: (account: string | null) => MailAccount,
): SmtpSettings => ({
  port,
  host: env.MAIL_SMTP_HOST ?? env.HOST,
  isLmtp: env.MAIL_SMTP_PROTOCOL === 'lmtp',
  recipients: new Map(
    named(given, 'MAIL_RECIPIENTS').flatMap(({ account, value }) =>
      recipients.parse(value).map((recipient) => [recipient, ownerOf(account)] as const),
    ),
  ),
  clients: env.MAIL_SMTP_CLIENTS,
  tls:
    env.MAIL_SMTP_TLS_CERT && env.MAIL_SMTP_TLS_KEY
      ? { certPath: env.MAIL_SMTP_TLS_CERT, keyPath: env.MAIL_SMTP_TLS_KEY }
      : null,
})

/** The port of each protocol: RFC 8314 §7.1, RFC 9051 §2.1. */
const ports = { 'imaps:': 993, 'imap:': 143 } as const

function serverOf(text: string) {
  const url = new URL(text)
  const isSecure = url.protocol === 'imaps:'
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || ports[isSecure ? 'imaps:' : 'imap:'],
    isSecure,
    user: decodeURIComponent(url.username),
    folder: decodeURIComponent(url.pathname.replace(/^\/|\/$/g, '')) || 'INBOX',
  }
}

/** Of a mailbox without a password in its URL. The account's name follows at the end. */
const oauth = {
  tokenUrl: 'MAIL_IMAP_OAUTH_TOKEN_URL',
  clientId: 'MAIL_IMAP_OAUTH_CLIENT_ID',
  clientSecret: 'MAIL_IMAP_OAUTH_CLIENT_SECRET',
  refreshToken: 'MAIL_IMAP_OAUTH_REFRESH_TOKEN',
  scope: 'MAIL_IMAP_OAUTH_SCOPE',
} as const

function loginOf(text: string, given: Given, suffix: string): MailboxSettings['login'] {
  const textOf = (part: keyof typeof oauth): string | null => given[oauth[part] + suffix]?.trim() ?? null
  const tokenUrl = textOf('tokenUrl')
  if (tokenUrl === null) return { by: 'password', password: decodeURIComponent(new URL(text).password) }
  return {
    ...{ by: 'oauth', tokenUrl, clientId: textOf('clientId') ?? '', clientSecret: textOf('clientSecret') },
    ...{ refreshToken: textOf('refreshToken'), scope: textOf('scope') },
  }
}

interface Named {
  /** `_SHOP`; empty for the first account. */
  readonly suffix: string
  /** `shop`; null for the first account. */
  readonly account: string | null
  readonly value: string
}

/** The variable and those with an account's name at their end. */
const named = (given: Given, variable: string): Named[] =>
  Object.keys(given)
    .filter((key) => key === variable || key.startsWith(`${variable}_`))
    .map((key) => ({
      suffix: key.slice(variable.length),
      account:
        key === variable
          ? null
          : key
              .slice(variable.length + 1)
              .toLowerCase()
              .replaceAll('_', '-'),
      value: given[key] ?? '',
    }))

/** @returns one sentence for each variable of mail intake that is missing, not valid or insecure, without its value. */
export function mailErrors(given: Given, insisted: readonly string[]): string[] {
  const isTaking = given['MAIL_SMTP_PORT'] !== undefined
  return [
    ...invalid(given, 'MAIL_RECIPIENTS', recipients),
    ...invalid(given, 'MAIL_IMAP_URL', imapUrl),
    ...invalid(given, 'MAIL_IMAP_AFTER', afterReading),
    ...invalid(given, oauth.tokenUrl, oauthTokenUrl),
    ...(isTaking && named(given, 'MAIL_RECIPIENTS').length === 0
      ? ['MAIL_RECIPIENTS is missing: MAIL_SMTP_PORT takes the mail of these addresses and domains']
      : []),
    ...(['CERT', 'KEY'] as const).flatMap((one) => {
      const other = one === 'CERT' ? 'KEY' : 'CERT'
      return given[`MAIL_SMTP_TLS_${one}`] && !given[`MAIL_SMTP_TLS_${other}`]
        ? [`MAIL_SMTP_TLS_${other} is missing: MAIL_SMTP_TLS_${one} requires it`]
        : []
    }),
    ...['MAIL_IMAP_AFTER', ...Object.values(oauth)].flatMap((variable) =>
      named(given, variable)
        .filter(({ suffix }) => (suffix !== '' || variable !== 'MAIL_IMAP_AFTER') && !given[`MAIL_IMAP_URL${suffix}`])
        .map(({ suffix }) => `${variable}${suffix} is of no mailbox: set MAIL_IMAP_URL${suffix}, or mend the name`),
    ),
    ...named(given, 'MAIL_IMAP_URL').flatMap((mailbox) => loginErrors(given, mailbox)),
    ...named(given, 'MAIL_IMAP_URL')
      .filter(({ suffix, value }) => isPlainTo('imap:', value) && !insisted.includes(`MAIL_IMAP_URL${suffix}`))
      .map(
        ({ suffix }) =>
          `MAIL_IMAP_URL${suffix} must be an imaps:// URL, since it gets a password or a token, or be named in ALLOW_INSECURE`,
      ),
  ]
}

/** A mailbox has a password, or all that a token is to be had with. */
function loginErrors(given: Given, { suffix, value }: Named): string[] {
  const has = (part: keyof typeof oauth) => given[oauth[part] + suffix] !== undefined
  const nameOf = (part: keyof typeof oauth) => oauth[part] + suffix
  const hasPassword = URL.canParse(value) && new URL(value).password !== ''
  const [url, tokenUrl] = [`MAIL_IMAP_URL${suffix}`, nameOf('tokenUrl')]
  if (!has('tokenUrl')) {
    const needless = (['clientId', 'clientSecret', 'refreshToken', 'scope'] as const).filter(has)
    return [
      ...(hasPassword || needless.length > 0
        ? []
        : [`${url} must contain a password, percent-encoded, unless ${tokenUrl} is set`]),
      ...needless.map((part) => `${nameOf(part)} requires ${tokenUrl}`),
    ]
  }
  return [
    ...(hasPassword ? [`${url} must contain no password, since ${tokenUrl} is set: remove one of the two`] : []),
    ...(has('clientId') ? [] : [`${nameOf('clientId')} is missing: ${tokenUrl} requires it`]),
    ...(has('clientSecret') || has('refreshToken')
      ? []
      : [`${nameOf('clientSecret')} is missing: ${tokenUrl} requires it, or ${nameOf('refreshToken')}`]),
  ]
}

/** Of the variables with an account's name: the others are reported with all variables. */
const invalid = (given: Given, variable: string, form: z.ZodType): string[] =>
  named(given, variable)
    .filter(({ suffix }) => suffix !== '')
    .flatMap(({ suffix, value }) => {
      const name = suffix.slice(1)
      if (!accountForm.test(name) || name.toLowerCase() === firstMailbox) {
        return [
          `${variable}${suffix}: the account name must be letters and digits, with single _ between, and not ${firstMailbox}`,
        ]
      }
      return (form.safeParse(value).error?.issues ?? []).map(({ message }) => `${variable}${suffix} ${message}`)
    })
