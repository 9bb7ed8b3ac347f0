import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { azureFormat } from './sample.ts'
import { azure } from './webhook.ts'

export const azureEntry: ProviderEntry = {
  name: azure.name,
  title: 'Azure Communication Services',
  variable: 'AZURE_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced'],
  create: () => azure,
  replacesMessageIds: true,
  sampleFormat: azureFormat,
}
