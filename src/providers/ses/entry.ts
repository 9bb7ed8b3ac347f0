import type { ProviderEntry } from '../provider.ts'
import { createSesApi } from './api.ts'
import { generateSesTopic, sesFormat, signSes } from './sample.ts'
import { createSes, isSesTopic, sesName } from './webhook.ts'

/** SDKs that send raw messages return the `Message-ID` that SES sets: `<ID@eu-west-1.amazonses.com>`. */
const sesEmailIdOf = (named: string): string => named.replace(/^<?([^<>@]+)@(?:[\w-]+\.)*amazonses\.[\w.]+>?$/i, '$1')

export const sesEntry: ProviderEntry = {
  name: sesName,
  title: 'Amazon SES',
  variable: 'SES_TOPIC_ARNS',
  accepts: isSesTopic,
  requirement: 'ARNs of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:email-events',
  eventTypes: ['sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained'],
  signsWithItsSecret: false,
  create: createSes,
  createApi: createSesApi,
  emailIdOf: sesEmailIdOf,
  replacesMessageIds: true,
  sign: signSes,
  sampleFormat: sesFormat,
  generateSecret: generateSesTopic,
}
