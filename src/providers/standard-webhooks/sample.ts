/** A sender of Standard Webhooks whose bodies look like AISend's. */
import type { Sign } from '../sample.ts'
import { signStandard } from '../standard-signature.ts'

export { aisendFormat as standardWebhooksFormat } from '../aisend/sample.ts'

export const signStandardWebhooks: Sign = (body, secret, signedAt) => signStandard(body, secret, signedAt, 'webhook')
