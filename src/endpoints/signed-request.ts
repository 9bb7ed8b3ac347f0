/** A webhook as it is sent: signed by the Standard Webhooks scheme (standardwebhooks.com). */
import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import type { DueDelivery } from '../db/deliveries.ts'
import { version } from '../version.ts'
import { payloadOf } from './payload.ts'

export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A new secret of 32 bytes. */
export const createEndpointSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/**
 * @param secrets each signs, so that a receiver may accept an old one or a new one; at least one.
 * @param now epoch milliseconds; receivers refuse a request of long before.
 */
export function signedRequestOf(delivery: DueDelivery, secrets: readonly string[], now: number): SignedRequest {
  const body = JSON.stringify(payloadOf(delivery))
  const at = new Date(now)
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': `Aftersend/${version}`,
      'webhook-id': delivery.messageId,
      'webhook-timestamp': String(Math.floor(now / 1000)),
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(delivery.messageId, at, body)).join(' '),
    },
  }
}
