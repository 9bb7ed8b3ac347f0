/** The emails of a stand-in, and their events as a provider's sample format writes them. */
import { randomUUID } from 'node:crypto'
import { parseEnvelope } from '../providers/fields.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import type { SampleEmail } from '../providers/sample.ts'
import { engagementOf, type StandInEmail, type StandInEvent } from './stand-in.ts'

export interface StoredEmail extends SampleEmail {
  /** When the provider got it, epoch milliseconds: no later than its first event. */
  sentAt: number
  /** In the order in which they were added. */
  readonly events: StoredEvent[]
}

export interface StoredEvent {
  readonly number: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly emailId: string
  readonly event: StandInEvent
  /** The JSON of the webhook, without the envelope that signing adds. */
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: the provider's JSON, as the sample format has just written it
  readonly json: any
}

export interface SampleEvents {
  readonly emails: ReadonlyMap<string, StoredEmail>
  /** In the order in which they were added. */
  readonly events: readonly StoredEvent[]
  addEmail(email: StandInEmail): void
  /** None for what the provider does not report. @throws Error for an email that was not added. */
  addEvent(emailId: string, event: StandInEvent): readonly StoredEvent[]
}

export function createSampleEvents(
  { sampleFormat, eventTypes }: Pick<ProviderEntry, 'sampleFormat' | 'eventTypes'>,
  clock: () => number,
): SampleEvents {
  const emails = new Map<string, StoredEmail>()
  const events: StoredEvent[] = []
  return {
    ...{ emails, events },
    addEmail({ emailId: id, to, subject, sentAt = clock() }) {
      emails.set(id, { ...{ id, to, subject, tags: [] }, sentAt, events: [] })
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (email === undefined) throw new Error(`the email ${emailId} was not added`)
      if (!eventTypes.includes(event.type)) return []
      const { type, recipient, at, bounce = null } = event
      const facts = { type, recipient, bounce, engagement: engagementOf(event), at: new Date(at) }
      const added = sampleFormat.adapt({ id: `evt_${randomUUID()}`, ...facts }, email).map((adapted, index) => {
        const body = sampleFormat.bodyOf([adapted], email)
        return { number: events.length + index, at, emailId, event, body, json: parseEnvelope(body) }
      })
      email.sentAt = Math.min(email.sentAt, at)
      email.events.push(...added)
      events.push(...added)
      return added
    },
  }
}
