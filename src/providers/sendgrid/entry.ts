import type { ProviderEntry } from '../provider.ts'
import { createSendgridApi } from './api.ts'
import { generateSendgridKeys, sendgridFormat, signSendgrid } from './sample.ts'
import { isSendgridKey, sendgrid, sendgridEmailIdOf } from './webhook.ts'

export const sendgridEntry: ProviderEntry = {
  name: sendgrid.name,
  title: 'SendGrid',
  variable: 'SENDGRID_WEBHOOK_PUBLIC_KEY',
  accepts: isSendgridKey,
  requirement: 'the verification key of the Signed Event Webhook, base64 of a P-256 public key',
  eventTypes: ['sending', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  signsWithItsSecret: false,
  create: () => sendgrid,
  createApi: createSendgridApi,
  emailIdOf: sendgridEmailIdOf,
  replacesMessageIds: true,
  sign: signSendgrid,
  sampleFormat: sendgridFormat,
  generateSecret: generateSendgridKeys,
}
