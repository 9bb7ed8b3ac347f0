import type { ProviderEntry } from '../provider.ts'
import { ahasendFormat } from './sample.ts'
import { ahasend, ahasendEmailIdOf, ahasendProof } from './webhook.ts'

export const ahasendEntry: ProviderEntry = {
  name: ahasend.name,
  title: 'AhaSend',
  variable: 'AHASEND_WEBHOOK_SECRET',
  ...ahasendProof,
  eventTypes: ['queued', 'delivered', 'opened', 'clicked', 'bounced'],
  create: () => ahasend,
  sampleFormat: ahasendFormat,
  emailIdOf: ahasendEmailIdOf,
}
