import type { ProviderEntry } from '../provider.ts'
import { mailtrapFormat } from './sample.ts'
import { mailtrap, mailtrapProof } from './webhook.ts'

export const mailtrapEntry: ProviderEntry = {
  name: mailtrap.name,
  title: 'Mailtrap',
  variable: 'MAILTRAP_WEBHOOK_SECRET',
  ...mailtrapProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => mailtrap,
  sampleFormat: mailtrapFormat,
}
