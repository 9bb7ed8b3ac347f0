/** Mail intake, from the variables: the server for SMTP or LMTP, and each mailbox from the variables that end in its name. */
import type { z } from 'zod'
import { defaultProject, type Projects } from './domain/project.ts'
import type { Environment } from './environment.ts'
import { type AfterReading, afterReading, imapUrl, recipients } from './environment-mail.ts'
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

export interface MailboxSettings extends MailAccount {
  /** `default`, or the account's name. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** Whether the connection begins with TLS. Otherwise it uses STARTTLS if the server offers it. */
  readonly isSecure: boolean
  readonly user: string
  readonly password: string
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
    password: decodeURIComponent(url.password),
    folder: decodeURIComponent(url.pathname.replace(/^\/|\/$/g, '')) || 'INBOX',
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
    ...(isTaking && named(given, 'MAIL_RECIPIENTS').length === 0
      ? ['MAIL_RECIPIENTS is missing: MAIL_SMTP_PORT takes the mail of these addresses and domains']
      : []),
    ...(['CERT', 'KEY'] as const).flatMap((one) => {
      const other = one === 'CERT' ? 'KEY' : 'CERT'
      return given[`MAIL_SMTP_TLS_${one}`] && !given[`MAIL_SMTP_TLS_${other}`]
        ? [`MAIL_SMTP_TLS_${other} is missing: MAIL_SMTP_TLS_${one} requires it`]
        : []
    }),
    ...named(given, 'MAIL_IMAP_AFTER')
      .filter(({ suffix }) => suffix !== '' && !given[`MAIL_IMAP_URL${suffix}`])
      .map(({ suffix }) => `MAIL_IMAP_AFTER${suffix} is of no mailbox: set MAIL_IMAP_URL${suffix}, or mend the name`),
    ...named(given, 'MAIL_IMAP_URL')
      .filter(({ suffix, value }) => isPlainTo('imap:', value) && !insisted.includes(`MAIL_IMAP_URL${suffix}`))
      .map(
        ({ suffix }) =>
          `MAIL_IMAP_URL${suffix} must be an imaps:// URL, since it gets a password, or be named in ALLOW_INSECURE`,
      ),
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
