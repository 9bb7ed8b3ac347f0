import { withoutAngleBrackets } from '../custom-fields.ts'
import type { ProviderEntry } from '../provider.ts'
import { mailServerFormat } from './sample.ts'
import { mailServer, mailServerProof } from './webhook.ts'

export const mailServerEntry: ProviderEntry = {
  name: mailServer.name,
  title: 'Own mail server',
  variable: 'MAIL_SERVER_WEBHOOK_SECRET',
  ...mailServerProof,
  eventTypes: ['queued', 'sending', 'sent', 'delivered', 'bounced', 'complained'],
  create: () => mailServer,
  emailIdOf: withoutAngleBrackets,
  sampleFormat: mailServerFormat,
}
