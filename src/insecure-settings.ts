/** Settings that would send secrets or addresses in the clear, or that can be guessed. */
import { isIP } from 'node:net'
import { list } from './environment-formats.ts'
import { isPrivateAddress } from './http/client-address.ts'
import type { ProviderEntry } from './providers/provider.ts'
import { providers } from './providers/registry.ts'

type Given = Readonly<Record<string, string | undefined>>

/** What each of these URLs carries. */
const urls: Readonly<Record<string, string>> = {
  SUPPORT_WEBHOOK_URL: 'addresses',
  AISEND_API_URL: 'a key and addresses',
  RESEND_API_URL: 'a key and addresses',
  SENDGRID_API_URL: 'a key and addresses',
  POSTMARK_API_URL: 'a key and addresses',
  MAILGUN_API_URL: 'a key and addresses',
  MANDRILL_API_URL: 'a key and addresses',
  MAILJET_API_URL: 'a key and addresses',
  SES_API_URL: 'a key and addresses',
  SPARKPOST_API_URL: 'a key and addresses',
  BREVO_API_URL: 'a key and addresses',
  MAILERSEND_API_URL: 'a key and addresses',
  LETTERMINT_API_URL: 'a key and addresses',
  SCALEWAY_API_URL: 'a key and addresses',
  S3_ENDPOINT: 'exported data',
  OIDC_ISSUER: 'a client secret',
  PUBLIC_URL: 'the sessions of people',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'IDs, and the headers with their key',
}

const minSecretLength = 16
/** Of base64, for 24 bytes: the least that the Standard Webhooks scheme allows. */
const minSigningSecretLength = 32

/**
 * @param insisted names of variables that the operator accepts as they are.
 * @param mapped senders of MAPPINGS_FILE.
 * @returns one sentence for each insecure setting, without its value.
 */
export function insecureSettings(
  given: Given,
  insisted: readonly string[],
  mapped: readonly ProviderEntry[] = [],
): string[] {
  const found = [...plainUrls(given), ...shortSecrets(given, [...providers, ...mapped])]
  return found
    .filter(({ variable }) => !insisted.includes(variable))
    .map(({ variable, requirement }) => `${variable} ${requirement}, or be named in ALLOW_INSECURE`)
}

interface Insecure {
  readonly variable: string
  readonly requirement: string
}

const plainUrls = (given: Given): Insecure[] =>
  Object.entries(urls)
    .filter(([variable]) => isPlainTo('http:', given[variable]))
    .map(([variable, carried]) => ({ variable, requirement: `must be an https:// URL, since it gets ${carried}` }))

function shortSecrets(given: Given, entries: readonly ProviderEntry[]): Insecure[] {
  const short = Object.keys(given).filter((variable) =>
    entries.some(
      (provider) =>
        (variable === provider.variable || variable.startsWith(`${provider.variable}_`)) &&
        list.parse(given[variable]).some((secret) => provider.accepts(secret) && secret.length < minSecretLength),
    ),
  )
  const support = (given['SUPPORT_WEBHOOK_SECRET'] ?? '').replace(/^whsec_/, '').replace(/=+$/, '')
  return [
    ...short.map((variable) => ({ variable, requirement: `must have ${minSecretLength} characters or more` })),
    ...(support !== '' && support.length < minSigningSecretLength
      ? [{ variable: 'SUPPORT_WEBHOOK_SECRET', requirement: 'must be base64 of 24 bytes or more' }]
      : []),
  ]
}

/** Whether the mail server must offer TLS: it gets a password and addresses. */
export const requiresTls = (smtpUrl: string, insisted: readonly string[]): boolean =>
  isPlainTo('smtp:', smtpUrl) && !insisted.includes('SMTP_URL')

/** Whether a URL of this protocol leads out of the machine and the private network. */
export function isPlainTo(protocol: string, text: string | undefined): boolean {
  if (text === undefined || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.protocol === protocol && !isLocal(url.hostname.replace(/^\[|\]$/g, ''))
}

/** A private address, or a name that only a private network resolves: `support`, `collector.internal` (RFC 6762, RFC 8375, ICANN 2024). */
const isLocal = (host: string): boolean =>
  isIP(host) ? isPrivateAddress(host) : !host.includes('.') || /\.(localhost|local|internal|home\.arpa)$/i.test(host)
