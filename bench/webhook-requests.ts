/** Signed webhooks as whole HTTP requests, made ahead so that a load costs little while it runs. */
import { signAisend } from '../src/providers/aisend.ts'

export const webhookSecret = 'secret of the benchmark'

let nextEvent = 0

/** A request with an event that no other request of this process carries; four events an email. */
export function nextWebhook(): Buffer {
  const id = nextEvent++
  const body = JSON.stringify({
    id: `evt_${id}`,
    type: 'email.delivered',
    created_at: '2026-11-24T12:00:00.000Z',
    data: { email_id: `em_${Math.floor(id / 4)}`, to: [`person${id}@example.com`], subject: 'Your invitation' },
  })
  const head = [
    'POST /webhooks/aisend HTTP/1.1',
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-webhook-signature: ${signAisend(body, webhookSecret)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
