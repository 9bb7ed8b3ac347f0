import type { ProviderEntry } from '../provider.ts'
import { createMandrillApi } from './api.ts'
import { mandrillProof } from './proof.ts'
import { mandrillFormat } from './sample.ts'
import { mandrill } from './webhook.ts'

export const mandrillEntry: ProviderEntry = {
  name: mandrill.name,
  title: 'Mailchimp Transactional',
  variable: 'MANDRILL_WEBHOOK_KEYS',
  ...mandrillProof,
  eventTypes: ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => mandrill,
  createApi: createMandrillApi,
  sampleFormat: mandrillFormat,
}
