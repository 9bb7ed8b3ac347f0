import type { ProviderEntry } from '../provider.ts'
import { zeptomailFormat } from './sample.ts'
import { zeptomail, zeptomailProof } from './webhook.ts'

export const zeptomailEntry: ProviderEntry = {
  name: zeptomail.name,
  title: 'ZeptoMail',
  variable: 'ZEPTOMAIL_WEBHOOK_SECRET',
  ...zeptomailProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => zeptomail,
  sampleFormat: zeptomailFormat,
  replacesMessageIds: true,
}
