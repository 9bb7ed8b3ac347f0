/**
 * Any sender that signs by Standard Webhooks (github.com/standard-webhooks/standard-webhooks). That says nothing of what is
 * inside, so the body may look like whatever AISend's adapter understands.
 */
import { aisend } from './aisend.ts'
import type { Provider, Sign } from './provider.ts'
import { isStandardSigned, signedIdIn, signStandard } from './standard-signature.ts'

export const standardWebhooks: Provider = {
  name: 'standard-webhooks',

  verify: (rawBody, headers, secrets) => isStandardSigned(rawBody, headers, secrets, 'webhook'),

  parse: (rawBody, receivedAt, headers) =>
    aisend.parse(rawBody, receivedAt).map((event) => ({
      ...event,
      provider: standardWebhooks.name,
      // The specification's own idempotency key: unlike an ID in the body, every sender has it.
      id: signedIdIn(headers, 'webhook') ?? event.id,
    })),
}

/** The request that such a sender would send. */
export const signStandardWebhooks: Sign = (body, secret, signedAt) => signStandard(body, secret, signedAt, 'webhook')
