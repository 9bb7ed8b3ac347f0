import type { ProviderEntry } from '../provider.ts'
import { createResendApi } from './api.ts'
import { resendFormat } from './sample.ts'
import { resend, resendProof } from './webhook.ts'

export const resendEntry: ProviderEntry = {
  name: resend.name,
  title: 'Resend',
  variable: 'RESEND_WEBHOOK_SECRET',
  ...resendProof,
  eventTypes: ['queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => resend,
  createApi: createResendApi,
  sampleFormat: resendFormat,
}
