/** Events of SendGrid by webhook and by API, to compare. */
import assert from 'node:assert/strict'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import type { GeneratedSecret, SignedRequest } from '../../src/providers/sample.ts'
import { sendgrid } from '../../src/providers/sendgrid/webhook.ts'

/** The events in webhook requests as the adapter reads them. Fails for a request with a wrong signature. */
export const eventsInWebhooks = (requests: readonly SignedRequest[], { accepted }: GeneratedSecret): ReceivedEvent[] =>
  requests.flatMap(({ body, headers }) => {
    assert.ok(sendgrid.verify(Buffer.from(body), headers, [accepted]))
    return sendgrid.parse(Buffer.from(body), Date.now(), headers)
  })

/** What a webhook and the API must agree in. Email Logs have no status of a dropped email: its code is left out. */
const factsOf = ({ id, emailId, type, occurredAt, recipient, bounce, response }: ReceivedEvent) => ({
  ...{ id, emailId, type, occurredAt, recipient, response },
  bounce: bounce && {
    ...bounce,
    ...(bounce.word === 'dropped' && { code: null }),
    outcome: judgeBounce(bounce).outcome,
  },
})

/** The facts that must agree, in an order that is the same for the same events. */
export const comparable = (events: readonly ReceivedEvent[]) =>
  events.map(factsOf).toSorted((one, other) => (one.id < other.id ? -1 : 1))
