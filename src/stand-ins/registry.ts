/** The stand-in of every provider. */
import type { ProviderEntry } from '../providers/provider.ts'
import { startAisendStandIn } from './aisend.ts'
import { startBrevoStandIn } from './brevo.ts'
import { startLettermintStandIn } from './lettermint.ts'
import { startMailersendStandIn } from './mailersend.ts'
import { standInDomain, startMailgunStandIn } from './mailgun.ts'
import { startMailjetStandIn } from './mailjet.ts'
import { startMandrillStandIn } from './mandrill.ts'
import { startPostmarkStandIn } from './postmark.ts'
import { startResendStandIn } from './resend.ts'
import { startScalewayStandIn } from './scaleway.ts'
import { startSendgridStandIn } from './sendgrid.ts'
import { standInKeyId, standInRegion, startSesStandIn } from './ses.ts'
import { startSparkpostStandIn } from './sparkpost.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'
import { startWebhookStandIn } from './webhook-stand-in.ts'

interface StandInKind {
  readonly start: (options: StandInOptions) => Promise<ProviderStandIn>
  /** The settings besides the API's URL and key. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Those with an API, by the name of the provider. */
export const standIns: Readonly<Record<string, StandInKind>> = {
  aisend: { start: startAisendStandIn },
  resend: { start: startResendStandIn },
  sendgrid: { start: startSendgridStandIn },
  postmark: { start: startPostmarkStandIn },
  mailgun: { start: startMailgunStandIn, settings: { MAILGUN_DOMAINS: standInDomain } },
  mailjet: { start: startMailjetStandIn },
  mandrill: { start: startMandrillStandIn },
  ses: { start: startSesStandIn, settings: { SES_ACCESS_KEY_ID: standInKeyId, SES_REGION: standInRegion } },
  sparkpost: { start: startSparkpostStandIn },
  brevo: { start: startBrevoStandIn },
  mailersend: { start: startMailersendStandIn },
  lettermint: { start: startLettermintStandIn },
  scaleway: { start: startScalewayStandIn },
}

/** The stand-in for a provider: its own, else one that has webhooks alone. */
export const startStandInFor = async (entry: ProviderEntry, options: StandInOptions = {}): Promise<ProviderStandIn> =>
  (await standIns[entry.name]?.start(options)) ?? startWebhookStandIn(entry, options)

/** The settings with which Aftersend asks a stand-in instead of the provider. */
export function settingsFor(provider: string, api: Pick<ProviderStandIn, 'apiUrl' | 'apiKey'>): Record<string, string> {
  const prefix = provider.toUpperCase()
  return { [`${prefix}_API_URL`]: api.apiUrl, [`${prefix}_API_KEY`]: api.apiKey, ...standIns[provider]?.settings }
}
