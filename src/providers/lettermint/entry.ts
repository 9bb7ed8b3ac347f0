import type { ProviderEntry } from '../provider.ts'
import { createLettermintApi } from './api.ts'
import { lettermintFormat } from './sample.ts'
import { lettermint, lettermintProof } from './webhook.ts'

export const lettermintEntry: ProviderEntry = {
  name: lettermint.name,
  title: 'Lettermint',
  variable: 'LETTERMINT_WEBHOOK_SECRET',
  ...lettermintProof,
  eventTypes: ['queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => lettermint,
  createApi: createLettermintApi,
  sampleFormat: lettermintFormat,
}
