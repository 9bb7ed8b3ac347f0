/** What a stand-in keeps of its emails: the JSON of each webhook about them, from which an API of the same facts can answer. */
import { randomUUID } from 'node:crypto'
import type { ProviderEntry } from '../providers/provider.ts'
import {
  engagementOf,
  type ProviderStandIn,
  type StandInEmail,
  type StandInEvent,
  type StandInOptions,
  type StandInWebhook,
} from './stand-in.ts'

export type Sender = Pick<ProviderEntry, 'sampleFormat' | 'sign' | 'generateSecret' | 'eventTypes'>

/** An event as the provider reports it. */
export interface RecordedEvent {
  /** Epoch milliseconds. */
  readonly at: number
  /** The JSON text of its webhook. */
  readonly body: string
}

export interface RecordedEmail extends StandInEmail {
  /** In the order in which they were added. */
  readonly events: RecordedEvent[]
}

export interface WebhookRecord extends Pick<ProviderStandIn, 'addEmail' | 'addEvent' | 'webhooks'> {
  readonly emails: ReadonlyMap<string, RecordedEmail>
}

/** What a provider does not report has no webhook. */
export function createWebhookRecord(
  { sampleFormat, sign, generateSecret, eventTypes }: Sender,
  { clock = Date.now, webhookSecret = generateSecret().signing }: StandInOptions = {},
): WebhookRecord {
  const emails = new Map<string, RecordedEmail>()
  const recorded: StandInWebhook[] = []

  const eventsOf = ({ emailId: id, to, subject }: StandInEmail, given: StandInEvent): RecordedEvent[] => {
    const { type, recipient, at, bounce = null } = given
    const email = { id, to, subject, tags: [] }
    const engagement = engagementOf(given)
    const event = { id: `evt_${randomUUID()}`, type, recipient, bounce, engagement, at: new Date(at) }
    if (!eventTypes.includes(type)) return []
    return sampleFormat.adapt(event, email).map((adapted) => ({ at, body: sampleFormat.bodyOf([adapted], email) }))
  }

  return {
    emails,
    addEmail(email) {
      emails.set(email.emailId, { ...email, events: [] })
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (email === undefined) throw new Error(`the email ${emailId} was not added`)
      const added = eventsOf(email, event)
      email.events.push(...added)
      const webhooks = added.map(
        ({ body }) =>
          () =>
            sign(body, webhookSecret, clock()),
      )
      recorded.push(...webhooks)
      return webhooks
    },
    webhooks: () => recorded.map((webhook) => webhook()),
  }
}
