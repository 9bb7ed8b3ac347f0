import { providerEventTypes } from '../../domain/events.ts'
import type { ProviderEntry } from '../provider.ts'
import { standardProof } from '../standard-signature.ts'
import { standardWebhooksFormat } from './sample.ts'
import { standardWebhooks } from './webhook.ts'

export const standardWebhooksEntry: ProviderEntry = {
  name: standardWebhooks.name,
  title: 'Standard Webhooks',
  variable: 'STANDARD_WEBHOOKS_SECRET',
  ...standardProof('webhook'),
  eventTypes: providerEventTypes,
  create: () => standardWebhooks,
  sampleFormat: standardWebhooksFormat,
}
