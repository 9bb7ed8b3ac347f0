import type { ProviderEntry } from '../provider.ts'
import { mailFormat } from './sample.ts'
import { mail, mailProof } from './webhook.ts'

export const mailEntry: ProviderEntry = {
  name: mail.name,
  title: 'Bounce mail',
  variable: 'MAIL_WEBHOOK_SECRET',
  ...mailProof,
  eventTypes: ['delivered', 'bounced', 'complained'],
  create: () => mail,
  emailIdOf: (named) => named,
  sampleFormat: mailFormat,
}
