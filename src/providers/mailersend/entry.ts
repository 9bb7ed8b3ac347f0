import type { ProviderEntry } from '../provider.ts'
import { createMailersendApi } from './api.ts'
import { mailersendFormat } from './sample.ts'
import { mailersend, mailersendProof } from './webhook.ts'

export const mailersendEntry: ProviderEntry = {
  name: mailersend.name,
  title: 'MailerSend',
  variable: 'MAILERSEND_WEBHOOK_SECRET',
  ...mailersendProof,
  eventTypes: ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => mailersend,
  createApi: createMailersendApi,
  sampleFormat: mailersendFormat,
  replacesMessageIds: true,
}
