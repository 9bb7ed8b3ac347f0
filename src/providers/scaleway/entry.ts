import type { ProviderEntry } from '../provider.ts'
import { createScalewayApi } from './api.ts'
import { generateScalewayTopic, scalewayFormat, signScaleway } from './sample.ts'
import { createScaleway, isScalewayTopic } from './webhook.ts'

export const scalewayEntry: ProviderEntry = {
  name: 'scaleway',
  title: 'Scaleway',
  variable: 'SCALEWAY_TOPIC_ARNS',
  accepts: isScalewayTopic,
  requirement: 'ARNs of topics, such as arn:scw:sns:fr-par:project-6a0d9caa-1234-5678-9abc-def012345678:email-events',
  eventTypes: ['queued', 'delivered', 'bounced'],
  signsWithItsSecret: false,
  create: createScaleway,
  createApi: createScalewayApi,
  replacesMessageIds: true,
  sign: signScaleway,
  sampleFormat: scalewayFormat,
  generateSecret: generateScalewayTopic,
}
