/** A stand-in for a provider that has no API to be asked: its webhooks alone, written by its sample format. */
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

type Sender = Pick<ProviderEntry, 'sampleFormat' | 'sign' | 'generateSecret' | 'eventTypes'>

/** What a provider does not report has no webhook. Nothing listens: `apiUrl` and `apiKey` are empty. */
export function startWebhookStandIn(
  { sampleFormat, sign, generateSecret, eventTypes }: Sender,
  { clock = Date.now, webhookSecret = generateSecret().signing }: StandInOptions = {},
): ProviderStandIn {
  const emails = new Map<string, StandInEmail>()
  const recorded: StandInWebhook[] = []

  const bodiesOf = ({ emailId: id, to, subject }: StandInEmail, given: StandInEvent): string[] => {
    const { type, recipient, at, bounce = null } = given
    const email = { id, to, subject, tags: [] }
    const event = {
      id: `evt_${randomUUID()}`,
      type,
      recipient,
      bounce,
      engagement: engagementOf(given),
      at: new Date(at),
    }
    if (!eventTypes.includes(type)) return []
    return sampleFormat.adapt(event, email).map((adapted) => sampleFormat.bodyOf([adapted], email))
  }

  return {
    ...{ apiUrl: '', apiKey: '' },
    addEmail(email) {
      emails.set(email.emailId, email)
    },
    addEvent(emailId, event) {
      const email = emails.get(emailId)
      if (email === undefined) throw new Error(`the email ${emailId} was not added`)
      const webhooks = bodiesOf(email, event).map((body) => () => sign(body, webhookSecret, clock()))
      recorded.push(...webhooks)
      return webhooks
    },
    webhooks: () => recorded.map((webhook) => webhook()),
    suppress() {},
    setFaults() {},
    requestCount: () => 0,
    close() {},
  }
}
