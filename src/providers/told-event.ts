/** What adapters have in common: from a provider's facts to an event as it is stored. */
import { createHash } from 'node:crypto'
import { type BounceClass, type ReceivedEvent, unreadableEventType } from '../domain/events.ts'
import { decodeUtf8, type Json, parseEnvelope } from './fields.ts'
import { InvalidEventError } from './provider.ts'

type Told = Pick<ReceivedEvent, 'provider' | 'id' | 'emailId' | 'type' | 'occurredAt' | 'receivedAt' | 'payload'>

/** An event with everything left empty that its provider does not tell. */
export const toldEvent = (told: Told & Partial<ReceivedEvent>): ReceivedEvent => ({
  to: [],
  recipient: null,
  subject: null,
  bounce: null,
  human: false,
  ...told,
})

/** The JSON object that a body is. @throws InvalidEventError if it is anything else. */
export const bodyObject = (rawBody: Buffer): Json => parseEnvelope(decodeUtf8(rawBody))

/** What identifies an event whose provider gives it no ID that stays the same: a hash over facts that do. */
export const eventIdOf = (...facts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('base64url')

/** Enhanced status code (RFC 3463) first, since it says more than the reply code (RFC 5321) before it. */
export function smtpCodeIn(text: string | null): string | null {
  if (text === null) return null
  return /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(text)?.[1] ?? /\b([45]\d\d)\b/.exec(text)?.[1] ?? null
}

/** A bounce as it is stored. */
export const toldBounce = (
  bounceClass: BounceClass,
  code: string | null,
  message: string | null,
): NonNullable<ReceivedEvent['bounce']> => ({
  class: bounceClass,
  code: code !== null && /^[\w.-]{1,32}$/.test(code) ? code : null,
  message: message?.slice(0, 2_000) ?? null,
})

/**
 * A failure that says nothing against the recipient: one attempt of several, or the provider's own refusal to send. It
 * shows as deferred. Whoever stores it leaves `recipient` empty: an outage of a receiver over three days must not count
 * as soft bounces on three days, nor a quota of ours as anything.
 */
export const deferral = (code: string | null, message: string | null) => toldBounce('soft', code, message)

/** What can be told of an event that cannot be read. */
export type Remains = Pick<ReceivedEvent, 'provider' | 'receivedAt' | 'emailId' | 'to'>

/**
 * The events of a batch. One that cannot be read is kept with the reason, for people to look at, and never applied: the
 * provider would send all the others again for its sake, for ever.
 * @param remainsOf throws nothing. `emailId` is empty where even that cannot be read.
 */
export const eventsOfBatch = (
  batch: readonly unknown[],
  eventsIn: (entry: unknown) => ReceivedEvent[],
  remainsOf: (entry: unknown) => Remains,
): ReceivedEvent[] =>
  batch.flatMap((entry) => {
    try {
      return eventsIn(entry)
    } catch (error) {
      if (!(error instanceof InvalidEventError)) throw error
      const [remains, payload] = [remainsOf(entry), JSON.stringify(entry)]
      return [
        toldEvent({
          ...remains,
          id: `${unreadableEventType}:${eventIdOf(payload)}`,
          type: unreadableEventType,
          occurredAt: remains.receivedAt,
          payload,
          quarantinedReason: error.message,
        }),
      ]
    }
  })
