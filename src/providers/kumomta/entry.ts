import { withoutAngleBrackets } from '../custom-fields.ts'
import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { kumomtaFormat } from './sample.ts'
import { kumomta } from './webhook.ts'

export const kumomtaEntry: ProviderEntry = {
  name: kumomta.name,
  title: 'KumoMTA',
  variable: 'KUMOMTA_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['queued', 'delivered', 'bounced', 'complained'],
  create: () => kumomta,
  emailIdOf: withoutAngleBrackets,
  sampleFormat: kumomtaFormat,
}
