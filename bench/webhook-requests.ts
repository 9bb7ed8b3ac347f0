/** Signed webhooks; also as whole HTTP requests, made ahead so that a load costs little while it runs. */
import { aisendSignature } from '../src/providers/aisend/sample.ts'

export const webhookSecret = 'secret of the benchmark'

/** What AISend would post of an event that happens now. */
export function webhookOf({
  id,
  emailId,
  type,
}: {
  readonly id: string
  readonly emailId: string
  readonly type: string
}) {
  const body = JSON.stringify({
    id,
    type: `email.${type}`,
    created_at: new Date().toISOString(),
    data: { email_id: emailId, to: [`${emailId}@example.com`], subject: 'Your invitation' },
  })
  const headers = { 'Content-Type': 'application/json', 'x-webhook-signature': aisendSignature(body, webhookSecret) }
  return { body, headers }
}

let nextEvent = 0

/** A request with an event that no other request of this process carries; four events an email. */
export function nextWebhook(): Buffer {
  const id = nextEvent++
  const { body, headers } = webhookOf({ id: `evt_${id}`, emailId: `em_${Math.floor(id / 4)}`, type: 'delivered' })
  const head = [
    'POST /webhooks/aisend HTTP/1.1',
    'Host: 127.0.0.1',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
