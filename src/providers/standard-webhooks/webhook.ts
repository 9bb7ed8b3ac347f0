/**
 * Any sender that signs by Standard Webhooks (github.com/standard-webhooks/standard-webhooks). The specification does not
 * define the body: every form is accepted that AISend's adapter accepts.
 */
import { aisend } from '../aisend/webhook.ts'
import type { Provider } from '../provider.ts'
import { isStandardSigned, signedIdIn } from '../standard-signature.ts'

export const standardWebhooks: Provider = {
  name: 'standard-webhooks',

  verify: (rawBody, headers, secrets) => isStandardSigned(rawBody, headers, secrets, 'webhook'),

  parse: (rawBody, receivedAt, headers) =>
    aisend.parse(rawBody, receivedAt).map((event) => ({
      ...event,
      provider: standardWebhooks.name,
      // The specification's idempotency key, which every sender sets; an ID in the body is optional.
      id: signedIdIn(headers, 'webhook') ?? event.id,
    })),
}
