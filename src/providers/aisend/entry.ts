import { providerEventTypes } from '../../domain/events.ts'
import type { ProviderEntry } from '../provider.ts'
import { createAisendApi } from './api.ts'
import { aisendFormat } from './sample.ts'
import { aisend, aisendProof } from './webhook.ts'

export const aisendEntry: ProviderEntry = {
  name: aisend.name,
  title: 'AISend',
  variable: 'AISEND_WEBHOOK_SECRET',
  ...aisendProof,
  eventTypes: providerEventTypes,
  create: () => aisend,
  createApi: createAisendApi,
  sampleFormat: aisendFormat,
}
