/** The webhooks to endpoints, for OpenAPI's `webhooks`. */
import type { z } from 'zod'
import { endpointEventForms } from '../domain/endpoint-event.ts'
import type { SentWebhook } from '../http/route.ts'

const headers = {
  'webhook-id': 'The same in every repeat: process each once',
  'webhook-timestamp': 'When it was signed, in seconds since 1970: refuse what is older than 5 minutes',
  'webhook-signature':
    'By each secret of the endpoint, separated by spaces: `v1,` and base64, see standardwebhooks.com',
}

const forms: Readonly<Record<keyof typeof endpointEventForms, { readonly id: string; readonly summary: string }>> = {
  email: { id: 'EmailWebhook', summary: 'An event of an email, and the email after it' },
  stall: { id: 'StallWebhook', summary: 'No event has settled the delivery of an email in time' },
  subscription: { id: 'SubscriptionWebhook', summary: 'A recipient left or joined a list' },
  suppression: { id: 'SuppressionWebhook', summary: 'An address was suppressed, or a suppression removed' },
  escalation: { id: 'EscalationWebhook', summary: 'An escalation was opened, or its state has changed' },
  test: { id: 'TestWebhook', summary: 'Sent on request, to try an endpoint' },
}

const typesOf = (type: z.ZodEnum | z.ZodLiteral): string[] =>
  'options' in type ? type.options.map(String) : [...type.values].map(String)

/** One for each type of event. */
export const sentWebhooks: readonly SentWebhook[] = Object.entries(endpointEventForms).flatMap(([form, schema]) => {
  const { id, summary } = forms[form as keyof typeof forms]
  const body = schema.meta({ id })
  return typesOf(schema.shape.type).map((name) => ({ name, summary, headers, body }))
})
