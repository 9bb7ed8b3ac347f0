import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { createMailjetApi } from './api.ts'
import { mailjetFormat } from './sample.ts'
import { mailjet } from './webhook.ts'

export const mailjetEntry: ProviderEntry = {
  name: mailjet.name,
  title: 'Mailjet',
  variable: 'MAILJET_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => mailjet,
  createApi: createMailjetApi,
  sampleFormat: mailjetFormat,
}
