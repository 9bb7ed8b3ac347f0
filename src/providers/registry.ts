/** Every provider that Aftersend knows, in one table: a new one is a line here and a file beside it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { type ProviderEventType, providerEventTypes } from '../domain/events.ts'
import { aisend, signAisend } from './aisend.ts'
import { createMailgun, type MailgunOptions, signMailgun } from './mailgun.ts'
import { postmark, signPostmark } from './postmark.ts'
import type { Provider, Sign, WebhookSource } from './provider.ts'
import { resend, signResend } from './resend.ts'
import { isSendgridKey, sendgrid, signSendgrid } from './sendgrid.ts'
import { createSes, generateSesTopic, isSesTopic, signSes } from './ses.ts'
import type { SigningKeysOptions } from './sns.ts'
import { standardSecretForm } from './standard-signature.ts'
import { signStandardWebhooks, standardWebhooks } from './standard-webhooks.ts'

/** What some adapters need beyond the request. */
export type AdapterDependencies = MailgunOptions & SigningKeysOptions

/** A secret in its two halves; they are the same where the provider signs with what it shares with us. */
export interface GeneratedSecret {
  /** What stands in the provider's variable. */
  readonly accepted: string
  /** What {@link ProviderEntry.sign} signs with. */
  readonly signing: string
}

export interface ProviderEntry {
  readonly name: string
  /** As its makers write it. */
  readonly title: string
  /** Where its secrets are configured. A further account has a variable of its own: this, `_` and the account's name. */
  readonly variable: string
  /** Whether one entry of that variable can be such a secret. */
  readonly accepts: (entry: string) => boolean
  /** What an entry has to be, after "wants". */
  readonly wants: string
  /** Which of our events it tells: an email's life misses the others. */
  readonly tells: readonly ProviderEventType[]
  /** Whether its API can be asked about one email, when nothing is heard of it. */
  readonly isAskable: boolean
  /** Whether a secret that is configured here is what it signs with, rather than what its signature is checked with. */
  readonly signsWithItsSecret: boolean
  readonly create: (dependencies: AdapterDependencies) => Provider
  readonly sign: Sign
  /** Makes a secret for a system that has none configured. */
  readonly generate: () => GeneratedSecret
}

const shared = (secret: string): GeneratedSecret => ({ accepted: secret, signing: secret })
const sharedStandard = (): GeneratedSecret => shared(`whsec_${randomBytes(32).toString('base64')}`)

function sendgridKeys(): GeneratedSecret {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    accepted: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signing: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

export const providers: readonly ProviderEntry[] = [
  {
    name: aisend.name,
    title: 'AISend',
    variable: 'AISEND_WEBHOOK_SECRET',
    accepts: () => true,
    wants: 'the secret from AISend',
    tells: providerEventTypes,
    isAskable: true,
    signsWithItsSecret: true,
    create: () => aisend,
    sign: (body, secret) => ({
      headers: { 'content-type': 'application/json', 'x-webhook-signature': signAisend(body, secret) },
      body,
    }),
    generate: () => shared(randomBytes(32).toString('hex')),
  },
  {
    name: resend.name,
    title: 'Resend',
    variable: 'RESEND_WEBHOOK_SECRET',
    accepts: (entry) => standardSecretForm.test(entry),
    wants: 'the signing secret of the webhook, whsec_ and base64',
    tells: ['queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
    isAskable: true,
    signsWithItsSecret: true,
    create: () => resend,
    sign: signResend,
    generate: sharedStandard,
  },
  {
    name: standardWebhooks.name,
    title: 'Standard Webhooks',
    variable: 'STANDARD_WEBHOOKS_SECRET',
    accepts: (entry) => standardSecretForm.test(entry),
    wants: 'base64 of 24 to 64 random bytes, with or without whsec_',
    tells: providerEventTypes,
    isAskable: false,
    signsWithItsSecret: true,
    create: () => standardWebhooks,
    sign: signStandardWebhooks,
    generate: sharedStandard,
  },
  {
    name: sendgrid.name,
    title: 'SendGrid',
    variable: 'SENDGRID_WEBHOOK_PUBLIC_KEY',
    accepts: isSendgridKey,
    wants: 'the verification key of the Signed Event Webhook, base64 of a P-256 public key',
    tells: ['sending', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
    isAskable: false,
    signsWithItsSecret: false,
    create: () => sendgrid,
    sign: signSendgrid,
    generate: sendgridKeys,
  },
  {
    name: postmark.name,
    title: 'Postmark',
    variable: 'POSTMARK_WEBHOOK_SECRET',
    accepts: (entry) => entry.length >= 16,
    wants: 'user:password, or a token for the header X-Webhook-Token, of 16 characters or more',
    tells: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
    isAskable: false,
    signsWithItsSecret: true,
    create: () => postmark,
    sign: signPostmark,
    generate: () => shared(`aftersend:${randomBytes(32).toString('hex')}`),
  },
  {
    name: 'mailgun',
    title: 'Mailgun',
    variable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
    accepts: () => true,
    wants: 'the HTTP webhook signing key',
    tells: ['queued', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
    isAskable: false,
    signsWithItsSecret: true,
    create: createMailgun,
    sign: signMailgun,
    generate: () => shared(randomBytes(16).toString('hex')),
  },
  {
    name: 'ses',
    title: 'Amazon SES',
    variable: 'SES_TOPIC_ARNS',
    accepts: isSesTopic,
    wants: 'ARNs of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:email-events',
    tells: ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
    isAskable: false,
    signsWithItsSecret: false,
    create: createSes,
    sign: signSes,
    generate: generateSesTopic,
  },
]

/** The provider of that name; undefined if there is none. */
export const providerNamed = (name: string): ProviderEntry | undefined =>
  providers.find((provider) => provider.name === name)

/**
 * Who may post webhooks, by what stands after `/webhooks/`: `resend`, or `resend/eu` for the account of that name.
 * Providers without a secret have no route.
 * @param secrets by the same names.
 */
export function createWebhookSources(
  secrets: ReadonlyMap<string, readonly string[]>,
  dependencies: AdapterDependencies,
): ReadonlyMap<string, WebhookSource> {
  const sources = providers.flatMap((entry) => {
    const provider = entry.create(dependencies)
    const paths = [...secrets.keys()].filter((path) => path === entry.name || path.startsWith(`${entry.name}/`))
    return paths.map((path): [string, WebhookSource] => [path, { provider, secrets: secrets.get(path) ?? [] }])
  })
  return new Map(sources)
}
