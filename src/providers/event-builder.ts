/** What the adapters share: building an event from a provider's facts. */
import { createHash } from 'node:crypto'
import { isLikelyHuman } from '../domain/engagement-policy.ts'
import { type BounceClass, isEngagement, type ReceivedEvent, unreadableEventType } from '../domain/events.ts'
import { statusCodeIn } from '../domain/failure-text.ts'
import { decodeUtf8, type Json, parseEnvelope } from './fields.ts'
import { InvalidEventError } from './provider.ts'

export type Bounce = ReceivedEvent['bounce']

type RequiredFacts = Pick<
  ReceivedEvent,
  'provider' | 'id' | 'emailId' | 'type' | 'occurredAt' | 'receivedAt' | 'payload'
>

/** What an adapter knows of an event. */
export type EventFacts = RequiredFacts & Partial<ReceivedEvent>

/** An event; every field that its provider does not report is empty. */
export const buildEvent = (facts: EventFacts): ReceivedEvent => ({
  to: [],
  recipient: null,
  subject: null,
  bounce: null,
  human: false,
  ...facts,
})

/** The JSON object in a body. @throws InvalidEventError if it is anything else. */
export const bodyObject = (rawBody: Buffer): Json => parseEnvelope(decodeUtf8(rawBody))

/** The ID of an event that has no stable ID of its own: a hash over facts that are the same in every repeat. */
export const eventIdOf = (...facts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('base64url')

/**
 * The ID of an event that a provider's API reports, the same in every answer. A failure after a delay and a hard bounce after a soft one
 * are further events, so each has an ID of its own.
 */
export function reconciledIdOf(emailId: string, type: string, bounce: Bounce): string {
  const isSoft = bounce?.class === 'soft'
  return `reconcile:${emailId}:${type}${isSoft ? (bounce.isOver ? ':over' : ':soft') : ''}`
}

/**
 * The events of an email to one recipient, from an API whose delays are not known to have the times of the webhooks about them: of the delays the
 * first alone, under the identity of {@link reconciledIdOf}.
 */
export function withOneDelay(events: readonly ReceivedEvent[]): ReceivedEvent[] {
  const first = events.find(isDelay)
  return events.flatMap((event) => {
    if (!isDelay(event)) return [event]
    return event === first ? [{ ...event, id: reconciledIdOf(event.emailId, event.type, event.bounce) }] : []
  })
}

const isDelay = ({ bounce }: ReceivedEvent): boolean => bounce?.isOver === false

/** Whether an event is an open or click that a person likely made. */
export const isHumanEngagement = (type: string, userAgent: string | null): boolean =>
  isEngagement({ type }) && isLikelyHuman(userAgent)

/** A provider's facts about a failed or delayed delivery. Texts are as the provider writes them. */
export interface BounceReport {
  readonly class: BounceClass
  /** The provider's own field for a code. The response text is searched for one if this field has none. */
  readonly code?: string | null
  /** The receiving server's response. */
  readonly message?: string | null
  readonly word: string
  readonly subWord?: string | null
  readonly host?: string | null
  /** Whether the provider has stopped trying. */
  readonly isOver: boolean
}

/** A bounce with its texts limited to what is stored. */
export const buildBounce = ({ message = null, code = null, subWord, host, ...report }: BounceReport) => ({
  class: report.class,
  code: codeIn(code, message),
  message: message?.slice(0, maxTextLength) ?? null,
  word: report.word.slice(0, maxWordLength),
  subWord: subWord?.slice(0, maxWordLength) || null,
  host: host?.slice(0, 255) || null,
  isOver: report.isOver,
})

const [maxTextLength, maxWordLength] = [2_000, 100]

/** The code in a provider's field, else in the response text; null if neither has one. Providers have codes of their own, such as 605. */
export function codeIn(field: string | null, message: string | null): string | null {
  const given = field?.trim() ?? ''
  return statusCodeIn(given) ?? (message && statusCodeIn(message)) ?? (/^\d{3}$/.test(given) ? given : null)
}

/** The receiving server's response to a delivered email, limited to what is stored. */
export const responseOf = (...texts: readonly (string | null)[]): string | null =>
  texts.filter(Boolean).join(' ').slice(0, maxTextLength) || null

/**
 * The email ID of an event that names none, but whose address must be suppressed: derived from the event's ID, so that a repeat
 * is the same event of the same email.
 */
export const unknownEmailId = (eventId: string): string => `unknown:${eventId}`

/** What can be read of an unreadable event. */
export type ReadableFacts = Pick<ReceivedEvent, 'provider' | 'receivedAt' | 'emailId' | 'to'>

/**
 * The events of a batch. An unreadable event is quarantined with the reason: refusing the request would make the provider
 * send the readable events again and again.
 * @param readableFactsOf does not throw. `emailId` is empty where it cannot be read.
 */
export const eventsOfBatch = (
  batch: readonly unknown[],
  eventsIn: (entry: unknown) => ReceivedEvent[],
  readableFactsOf: (entry: unknown) => ReadableFacts,
): ReceivedEvent[] =>
  batch.flatMap((entry) => {
    try {
      return eventsIn(entry)
    } catch (error) {
      if (!(error instanceof InvalidEventError)) throw error
      const [facts, payload] = [readableFactsOf(entry), JSON.stringify(entry)]
      return [
        buildEvent({
          ...facts,
          id: `${unreadableEventType}:${eventIdOf(payload)}`,
          type: unreadableEventType,
          occurredAt: facts.receivedAt,
          payload,
          quarantinedReason: error.message,
        }),
      ]
    }
  })
