import { credentialProof } from '../proof.ts'
import type { ProviderEntry } from '../provider.ts'
import { createPostmarkApi } from './api.ts'
import { postmarkFormat } from './sample.ts'
import { postmark } from './webhook.ts'

/** Of the `Message-ID` that Postmark sets in emails it receives by SMTP: `<ID@mtasv.net>`. */
const postmarkEmailIdOf = (named: string): string => named.replace(/^<?([^<>@]+)@mtasv\.net>?$/i, '$1')

export const postmarkEntry: ProviderEntry = {
  name: postmark.name,
  title: 'Postmark',
  variable: 'POSTMARK_WEBHOOK_SECRET',
  ...credentialProof,
  eventTypes: ['delivered', 'opened', 'clicked', 'bounced', 'complained'],
  create: () => postmark,
  createApi: createPostmarkApi,
  emailIdOf: postmarkEmailIdOf,
  sampleFormat: postmarkFormat,
}
