import type { ProviderEntry } from '../provider.ts'
import { mailersendFormat } from './sample.ts'
import { mailersend, mailersendProof } from './webhook.ts'

export const mailersendEntry: ProviderEntry = {
  name: mailersend.name,
  title: 'MailerSend',
  variable: 'MAILERSEND_WEBHOOK_SECRET',
  ...mailersendProof,
  eventTypes: ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => mailersend,
  sampleFormat: mailersendFormat,
  replacesMessageIds: true,
}
