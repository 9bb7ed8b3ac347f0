/** The body of a webhook, made of a delivery when it is sent: what was erased since is not in it. */
import type { DueDelivery } from '../db/deliveries.ts'
import { erasedAddress } from '../domain/address.ts'
import { endpointApiVersion } from '../domain/endpoint.ts'
import { type EndpointEvent, endpointEventSchema } from '../domain/endpoint-event.ts'

type Json = Readonly<Record<string, unknown>>

/** @throws ZodError if the row is of a form that no release writes. */
export const payloadOf = (delivery: DueDelivery): EndpointEvent =>
  endpointEventSchema.parse({
    id: delivery.messageId,
    type: delivery.type,
    apiVersion: endpointApiVersion,
    createdAt: delivery.createdAt.toISOString(),
    project: delivery.project,
    data: dataOf(delivery),
  })

function dataOf(delivery: DueDelivery): Json {
  const email = emailOf(delivery)
  if (delivery.suppressionId !== null) return { suppression: suppressionOf(delivery), email }
  if (delivery.escalationId !== null) return { escalation: escalationOf(delivery), email }
  return email === null ? {} : { event: eventOf(delivery), email }
}

/** Null for what is about no email. An email that was deleted since has its state, and no recipient. */
function emailOf({ emailState, emailId, provider, to, subject, tags, ...delivery }: DueDelivery): Json | null {
  if (emailState === null || emailId === null) return null
  return {
    id: emailId,
    provider,
    to: to ?? [],
    subject,
    tags: tags ?? [],
    ...delivery.identity,
    ...withTimes(emailState),
    failure: emailState['failure'] ?? null,
    opens: withTimes(emailState['opens'] as Json),
    clicks: withTimes(emailState['clicks'] as Json),
  }
}

/** Of an event that was dropped since, the facts in the row are left. */
function eventOf({ event, provider, createdAt, type, ...delivery }: DueDelivery): Json {
  const known = event ?? {}
  const text = (column: string) => known[column] ?? null
  const kind = text('type')
  return {
    id: text('id') ?? delivery.eventId,
    type: kind ?? type.slice(type.indexOf('.') + 1),
    provider,
    occurredAt: isoOf(known['occurred_at'] ?? createdAt),
    receivedAt: isoOf(known['received_at'] ?? createdAt),
    recipient: unerased(text('recipient')),
    failure:
      kind === 'bounced'
        ? {
            ...{ class: text('bounce_class'), code: text('bounce_code'), message: text('bounce_message') },
            ...{ reason: text('failure_reason'), party: text('failure_party'), outcome: text('failure_outcome') },
          }
        : null,
    human: kind === 'opened' || kind === 'clicked' ? text('human') : null,
    response: text('response'),
    list: text('list'),
  }
}

const escalationOf = ({ escalationId, escalationDetail, subjectState }: DueDelivery): Json => ({
  id: escalationId,
  detail: escalationDetail,
  ...withTimes(subjectState ?? {}),
})

const suppressionOf = ({ suppressionId, suppressedAddress, subjectState }: DueDelivery): Json => ({
  id: suppressionId,
  address: suppressedAddress?.includes('@') ? suppressedAddress : null,
  ...withTimes(subjectState ?? {}),
})

const unerased = (address: unknown): unknown => (address === erasedAddress ? null : address)

/** PostgreSQL writes times into JSON in the zone of the connection. */
const withTimes = (facts: Json): Json =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, /(At|For|Until)$/.test(name) ? isoOrNull(value) : value]),
  )

const isoOrNull = (time: unknown): string | null => (time === null || time === undefined ? null : isoOf(time))

const isoOf = (time: unknown): string => new Date(time as string | Date).toISOString()
