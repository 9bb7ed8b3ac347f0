/** What a stand-in records: emails, their events in the words of the provider's webhooks, and the webhooks about them. */
import { randomUUID } from 'node:crypto'
import type { ProviderEntry } from '../providers/provider.ts'
import type { DatedSampleEvent } from '../providers/sample.ts'
import { byPlace, type Place } from './ordered-events.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
} from './stand-in.ts'

export type Sender = Pick<ProviderEntry, 'sampleFormat' | 'sign' | 'generateSecret' | 'eventTypes'>

export interface RecordedEmail extends StandInEmail {
  /** No later than its first event. */
  sentAt: number
  /** In the order in which they were added. */
  readonly events: RecordedEvent[]
}

export interface RecordedEvent extends Place {
  readonly email: RecordedEmail
  /** As the provider reports it. */
  readonly event: DatedSampleEvent
  /** Of the webhook about it alone. */
  readonly body: string
}

/** What the webhook says, of a provider that posts JSON. */
export const jsonOf = ({ body }: RecordedEvent) => JSON.parse(body)

export interface Recorded extends Pick<ProviderStandIn, 'addEmail' | 'addEvent' | 'webhooks'> {
  readonly emails: ReadonlyMap<string, RecordedEmail>
  /** Sorted once after events were added: sorting 200,000 for each page would be slower than the provider is. */
  byTime(): readonly RecordedEvent[]
}

/** What the provider does not report is not recorded. */
export function recordEvents(
  { sampleFormat, sign, generateSecret, eventTypes }: Sender,
  { clock = Date.now, webhookSecret }: StandInOptions,
): Recorded {
  const emails = new Map<string, RecordedEmail>()
  const recorded: RecordedEvent[] = []
  let sorted: readonly RecordedEvent[] | null = null
  let secret = webhookSecret
  /** An RSA key takes a tenth of a second: it is made for the first webhook. */
  const secretMade = () => {
    secret ??= generateSecret().signing
    return secret
  }
  const webhookOf =
    ({ body }: RecordedEvent) =>
    () =>
      sign(body, secretMade(), clock())

  const eventsOf = (email: RecordedEmail, given: StandInEvent): RecordedEvent[] => {
    const { type, recipient, at, bounce = null } = given
    if (!eventTypes.includes(type)) return []
    const sample = { id: email.emailId, to: email.to, subject: email.subject, tags: [] }
    const engagement = engagementOf(given)
    const event = { id: `evt_${randomUUID()}`, type, recipient, bounce, engagement, at: new Date(at) }
    return sampleFormat.adapt(event, sample).map((adapted, index) => ({
      ...{ email, event: adapted, at, number: recorded.length + index },
      body: sampleFormat.bodyOf([adapted], sample),
    }))
  }

  return {
    emails,
    addEmail(email) {
      emails.set(email.emailId, { ...email, sentAt: email.sentAt ?? clock(), events: [] })
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (email === undefined) throw new Error(`the email ${emailId} was not added`)
      const added = eventsOf(email, event)
      email.sentAt = Math.min(email.sentAt, event.at)
      email.events.push(...added)
      recorded.push(...added)
      sorted = null
      return added.map(webhookOf)
    },
    webhooks: () => recorded.map((event) => webhookOf(event)()),
    byTime() {
      sorted ??= recorded.toSorted(byPlace)
      return sorted
    },
  }
}
