import { withoutAngleBrackets } from '../custom-fields.ts'
import type { ProviderEntry } from '../provider.ts'
import { createMailgunApi } from './api.ts'
import { generateMailgunKey, mailgunFormat, signMailgun } from './sample.ts'
import { mailgunName } from './signature.ts'
import { createMailgun } from './webhook.ts'

export const mailgunEntry: ProviderEntry = {
  name: mailgunName,
  title: 'Mailgun',
  variable: 'MAILGUN_WEBHOOK_SIGNING_KEY',
  accepts: () => true,
  requirement: 'the HTTP webhook signing key',
  eventTypes: ['queued', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  signsWithItsSecret: true,
  create: createMailgun,
  createApi: createMailgunApi,
  // Its API answers with angle brackets around the ID.
  emailIdOf: withoutAngleBrackets,
  sign: signMailgun,
  sampleFormat: mailgunFormat,
  generateSecret: generateMailgunKey,
}
