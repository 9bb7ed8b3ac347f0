/** What a provider would send: for the simulator, the dashboard's test events and `aftersend sign`. */
import { classifyBounce } from '../domain/bounce-policy.ts'
import type { BounceClass, ProviderEventType } from '../domain/events.ts'
import type { Metadata } from '../domain/own-ids.ts'

export interface SampleBounce {
  /** Hard: the address refuses mail. Soft: the provider still tries, or the email was refused for another reason. */
  readonly class: BounceClass
  readonly code: string | null
  readonly message: string | null
  /** Whether the provider has stopped trying. */
  readonly isOver: boolean
}

/** An event in Aftersend's vocabulary, before it is written in a provider's format. */
export interface SampleEvent {
  readonly id: string
  readonly type: ProviderEventType
  /** The address that the event names; null when it names none. */
  readonly recipient: string | null
  readonly bounce: SampleBounce | null
  readonly engagement: { readonly userAgent: string; readonly url: string | null } | null
}

export type DatedSampleEvent = SampleEvent & { readonly at: Date }

export interface SampleEmail {
  readonly id: string
  readonly to: readonly string[]
  readonly subject: string
  readonly tags: readonly string[]
  /** In the provider's custom fields. */
  readonly externalId?: string
  readonly metadata?: Metadata
}

/** How a provider writes events. */
export interface SampleFormat {
  /** The provider's ID of an email; `key` is unique. */
  readonly emailIdOf: (key: string) => string
  /** The resolution of the provider's timestamps, in milliseconds: the least distance between two events of one email. */
  readonly timeResolutionMs: number
  /**
   * The event as the provider reports it: without the fields that it omits, with those that it adds; several events where it reports
   * each recipient alone.
   */
  readonly adapt: <Event extends SampleEvent>(event: Event, email: SampleEmail) => Event[]
  /** Whether its events name all recipients of the email, also those that they are not about. */
  readonly namesAllRecipients: boolean
  /** For a provider whose emails have one recipient each: an email that is sent to several has as many IDs. */
  readonly hasOneRecipient?: true
  /** False for a provider without custom fields: only the registration has the external ID and metadata. Default true. */
  readonly hasCustomFields?: false
  /** The JSON text of one request. Several events only where {@link sendsBatches}. */
  readonly bodyOf: (events: readonly DatedSampleEvent[], email: SampleEmail) => string
  /** Whether one request may hold several events. A repeat is then sent together with the events before it. */
  readonly sendsBatches: boolean
}

/** The format of a provider that sends one event per request, unless `more` differs. */
export const eventFormat = (
  jsonOf: (event: DatedSampleEvent, email: SampleEmail) => unknown,
  more: Partial<SampleFormat> = {},
): SampleFormat => ({
  emailIdOf: (key) => `em_${key}`,
  timeResolutionMs: 1,
  sendsBatches: false,
  adapt: (event) => [event],
  namesAllRecipients: true,
  bodyOf: ([event], email) => JSON.stringify(event && jsonOf(event, email)),
  ...more,
})

const wayToServer: readonly ProviderEventType[] = ['queued', 'sending', 'sent']

/**
 * For a provider whose events each name one recipient. How far an email without a named recipient has come is reported for each of its
 * recipients, anything else for the first.
 */
export const withOneRecipient: SampleFormat['adapt'] = (event, { to }) => {
  if (event.recipient !== null) return [event]
  const recipients = wayToServer.includes(event.type) ? to : to.slice(0, 1)
  return recipients.map((recipient, index) => ({
    ...event,
    id: index === 0 ? event.id : `${event.id}-${index}`,
    recipient,
  }))
}

/** For a provider without classes of its own: whether a bounce that is over is hard follows from its code. */
export const withClassOfCode = <Event extends SampleEvent>(event: Event): Event =>
  event.bounce?.isOver
    ? { ...event, bounce: { ...event.bounce, class: classifyBounce({ code: event.bounce.code }) } }
    : event

/** A request as a provider sends it. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Makes the request that the provider would send. The same body signed again is a repeat of the same event.
 * @param body the provider's JSON text, without the envelope that the provider adds.
 * @param secret {@link GeneratedSecret.signing}.
 * @param signedAt epoch milliseconds.
 */
export type Sign = (body: string, secret: string, signedAt: number) => SignedRequest

/** The two halves of a secret; equal where the provider signs with a shared secret. */
export interface GeneratedSecret {
  /** The value of the provider's environment variable. */
  readonly accepted: string
  /** What {@link Sign} signs with. */
  readonly signing: string
}

/** A secret that the provider and Aftersend share. */
export const sharedSecret = (secret: string): GeneratedSecret => ({ accepted: secret, signing: secret })
