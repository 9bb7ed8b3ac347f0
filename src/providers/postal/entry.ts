import type { ProviderEntry } from '../provider.ts'
import { postalFormat } from './sample.ts'
import { postal, postalEmailIdOf, postalProof } from './webhook.ts'

export const postalEntry: ProviderEntry = {
  name: postal.name,
  title: 'Postal',
  variable: 'POSTAL_WEBHOOK_PUBLIC_KEY',
  ...postalProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced'],
  create: () => postal,
  sampleFormat: postalFormat,
  emailIdOf: postalEmailIdOf,
}
