import { providerEventTypes } from '../../domain/events.ts'
import type { ProviderEntry } from '../provider.ts'
import { generateStandardSecret, isStandardSecret, standardRequirement } from '../standard-signature.ts'
import { signStandardWebhooks, standardWebhooksFormat } from './sample.ts'
import { standardWebhooks } from './webhook.ts'

export const standardWebhooksEntry: ProviderEntry = {
  name: standardWebhooks.name,
  title: 'Standard Webhooks',
  variable: 'STANDARD_WEBHOOKS_SECRET',
  accepts: isStandardSecret,
  requirement: standardRequirement,
  eventTypes: providerEventTypes,
  signsWithItsSecret: true,
  create: () => standardWebhooks,
  sign: signStandardWebhooks,
  sampleFormat: standardWebhooksFormat,
  generateSecret: generateStandardSecret,
}
