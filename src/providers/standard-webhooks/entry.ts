import { providerEventTypes } from '../../domain/events.ts'
import type { ProviderEntry } from '../provider.ts'
import { generateStandardSecret, isStandardSecret } from '../standard-signature.ts'
import { signStandardWebhooks, standardWebhooksFormat } from './sample.ts'
import { standardWebhooks } from './webhook.ts'

export const standardWebhooksEntry: ProviderEntry = {
  name: standardWebhooks.name,
  title: 'Standard Webhooks',
  variable: 'STANDARD_WEBHOOKS_SECRET',
  accepts: isStandardSecret,
  requirement: 'base64 of 24 to 64 random bytes, with or without whsec_',
  eventTypes: providerEventTypes,
  signsWithItsSecret: true,
  create: () => standardWebhooks,
  sign: signStandardWebhooks,
  sampleFormat: standardWebhooksFormat,
  generateSecret: generateStandardSecret,
}
