import type { ProviderEntry } from '../provider.ts'
import { generateStandardSecret, isStandardSecret } from '../standard-signature.ts'
import { createResendApi } from './api.ts'
import { resendFormat, signResend } from './sample.ts'
import { resend } from './webhook.ts'

export const resendEntry: ProviderEntry = {
  name: resend.name,
  title: 'Resend',
  variable: 'RESEND_WEBHOOK_SECRET',
  accepts: isStandardSecret,
  requirement: 'the signing secret of the webhook, whsec_ and base64',
  eventTypes: ['queued', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  signsWithItsSecret: true,
  create: () => resend,
  createApi: createResendApi,
  sign: signResend,
  sampleFormat: resendFormat,
  generateSecret: generateStandardSecret,
}
