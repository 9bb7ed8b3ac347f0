import { withoutAngleBrackets } from '../custom-fields.ts'
import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { createBrevoApi } from './api.ts'
import { brevoFormat } from './sample.ts'
import { brevo } from './webhook.ts'

export const brevoEntry: ProviderEntry = {
  name: brevo.name,
  title: 'Brevo',
  variable: 'BREVO_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['queued', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => brevo,
  createApi: createBrevoApi,
  // Its API answers with angle brackets around the ID.
  emailIdOf: withoutAngleBrackets,
  sampleFormat: brevoFormat,
}
