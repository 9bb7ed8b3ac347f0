import { providerEventTypes } from '../../domain/events.ts'
import type { ProviderEntry } from '../provider.ts'
import { createAisendApi } from './api.ts'
import { aisendFormat, generateAisendSecret, signAisend } from './sample.ts'
import { aisend } from './webhook.ts'

export const aisendEntry: ProviderEntry = {
  name: aisend.name,
  title: 'AISend',
  variable: 'AISEND_WEBHOOK_SECRET',
  accepts: () => true,
  requirement: 'the secret from AISend',
  eventTypes: providerEventTypes,
  signsWithItsSecret: true,
  create: () => aisend,
  createApi: createAisendApi,
  sign: signAisend,
  sampleFormat: aisendFormat,
  generateSecret: generateAisendSecret,
}
