import type { ProviderEntry } from '../provider.ts'
import { createPostmarkApi } from './api.ts'
import { generatePostmarkSecret, postmarkFormat, signPostmark } from './sample.ts'
import { postmark } from './webhook.ts'

/** Of the `Message-ID` that Postmark sets in emails it receives by SMTP: `<ID@mtasv.net>`. */
const postmarkEmailIdOf = (named: string): string => named.replace(/^<?([^<>@]+)@mtasv\.net>?$/i, '$1')

export const postmarkEntry: ProviderEntry = {
  name: postmark.name,
  title: 'Postmark',
  variable: 'POSTMARK_WEBHOOK_SECRET',
  accepts: (value) => value.length >= 16,
  requirement: 'user:password, or a token for the header X-Webhook-Token, of 16 characters or more',
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
  signsWithItsSecret: true,
  create: () => postmark,
  createApi: createPostmarkApi,
  emailIdOf: postmarkEmailIdOf,
  sign: signPostmark,
  sampleFormat: postmarkFormat,
  generateSecret: generatePostmarkSecret,
}
