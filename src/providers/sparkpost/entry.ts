import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { createSparkpostApi } from './api.ts'
import { sparkpostFormat } from './sample.ts'
import { sparkpost } from './webhook.ts'

export const sparkpostEntry: ProviderEntry = {
  name: sparkpost.name,
  title: 'SparkPost',
  variable: 'SPARKPOST_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['queued', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => sparkpost,
  createApi: createSparkpostApi,
  sampleFormat: sparkpostFormat,
}
