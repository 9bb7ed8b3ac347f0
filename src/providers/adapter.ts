/**
 * What the adapters share: from a verified body to events. An adapter says how a request is proved genuine, where the entries are in a body,
 * what the provider's words mean, which fields hold the facts, and what is known of a failure. All else is here: quarantine of unreadable
 * entries, addresses, times, IDs, limits. A provider whose notifications each hold several events, such as Amazon SES, uses
 * `event-builder.ts` alone.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { normalizeAddress } from '../domain/address.ts'
import { isSubscriptionEventType, type ReceivedEvent } from '../domain/events.ts'
import type { OwnIds } from '../domain/own-ids.ts'
import type { Entries } from './entries.ts'
import {
  type BounceReport,
  buildBounce,
  buildEvent,
  eventsOfBatch,
  isHumanEngagement,
  type ReadableFacts,
  responseOf,
  unknownEmailId,
} from './event-builder.ts'
import { first, identifier, idForm, isObject, type Json, recipientsOf, required, subjectOf, timeIn } from './fields.ts'
import { InvalidEventError, type Provider } from './provider.ts'

/** A type of ours, the provider's own word where ours has none, or null for what is about no email that was sent. */
type OurType = string | null

/** The facts of one entry. What is absent is not reported by the provider. */
export interface EntryFacts {
  /** The same in every repeat of the event: the provider's own ID where it is stable, else `eventIdOf` over facts that are. */
  readonly id: string
  /** The provider's ID of the email; absent where a bounce names none. */
  readonly emailId: unknown
  /** Where the event's time may be, the best first, in any form that `timeIn` reads. */
  readonly times: readonly unknown[]
  /** The address that the event is about. Default: the only one of {@link to}. */
  readonly recipient?: string | null
  /** The addresses that the email was sent to: a text, a list of texts, or of objects with `email` or `address`. Default: the recipient. */
  readonly to?: unknown
  readonly subject?: unknown
  /** Of an open or a click. */
  readonly userAgent?: string | null
  /** Whether the provider itself says that a machine opened or clicked. */
  readonly isMachine?: boolean
  /** The receiving server's reply to a delivered email, in parts. */
  readonly response?: readonly (string | null)[]
  /** The list or stream of a subscription event. */
  readonly list?: string | null
  readonly tags?: readonly string[]
  /** By `ownIdsOf` or `taggedOwnIds`. */
  readonly ownIds?: OwnIds
  /** For `queued`: when the provider will send it. */
  readonly scheduledFor?: number | null
}

/** The request that an entry came in. */
export interface Received {
  /** Epoch milliseconds. */
  readonly receivedAt: number
  /** What is stored with the event. */
  readonly payload: string
  /** Empty for an entry of the provider's API. */
  readonly headers: IncomingHttpHeaders
}

export interface AdapterDescription {
  readonly name: string
  readonly verify: Provider['verify']
  readonly entriesIn: Entries
  /** What the provider calls its ID of an email, for messages to its developer: `sg_message_id`. */
  readonly emailIdName: string
  /** The provider's word for the entry's event. */
  readonly wordOf: (entry: Json) => unknown
  /** Our types by the provider's words, where they differ. A word without an entry is stored under its own name. */
  readonly types: Readonly<Record<string, OurType | ((entry: Json) => OurType)>>
  /** Whether the entry is genuine, but about no email that was sent. */
  readonly isAboutNoEmail?: (entry: Json, word: string) => boolean
  /** @throws InvalidEventError */
  readonly factsOf: (entry: Json, word: string, received: Received) => EntryFacts
  /** What the provider says of a failure or a delay. Asked only about entries whose type is `bounced`. */
  readonly bounceOf: (entry: Json, word: string) => BounceReport
  readonly explainRefusal?: Provider['explainRefusal']
  readonly answerHandshake?: Provider['answerHandshake']
  readonly retryStatus?: Provider['retryStatus']
  readonly maxBodyBytes?: Provider['maxBodyBytes']
  readonly consentTo?: Provider['consentTo']
}

export interface Adapter extends Provider {
  parse(rawBody: Buffer, receivedAt: number, headers: IncomingHttpHeaders): ReceivedEvent[]
  /**
   * The events of one entry, as webhooks carry it and the provider's API may answer it; none if it is about no email.
   * @param payload is stored with the event. Default: the entry's JSON.
   * @throws InvalidEventError if it cannot be read.
   */
  eventsOf(entry: unknown, receivedAt: number, payload?: string): ReceivedEvent[]
}

export function createAdapter(description: AdapterDescription): Adapter {
  const { name, verify, entriesIn, explainRefusal, answerHandshake, consentTo, retryStatus, maxBodyBytes } = description
  const eventsOf = (entry: unknown, receivedAt: number, payload?: string, headers: IncomingHttpHeaders = {}) =>
    eventsOfEntry(description, entry, { receivedAt, payload: payload ?? JSON.stringify(entry), headers })
  return {
    name,
    verify,
    eventsOf,
    parse(rawBody, receivedAt, headers) {
      const { entries, only } = entriesIn(rawBody)
      if (only !== undefined) return eventsOf(only.entry, receivedAt, only.payload, headers)
      return eventsOfBatch(
        entries,
        (entry) => eventsOf(entry, receivedAt, undefined, headers),
        (entry) => ({ ...readableFactsOf(description, entry, receivedAt), provider: name, receivedAt }),
      )
    },
    ...(explainRefusal && { explainRefusal }),
    ...(answerHandshake && { answerHandshake }),
    ...(retryStatus && { retryStatus }),
    ...(maxBodyBytes && { maxBodyBytes }),
    ...(consentTo && { consentTo }),
  }
}

function eventsOfEntry(description: AdapterDescription, entry: unknown, received: Received): ReceivedEvent[] {
  if (!isObject(entry)) throw new InvalidEventError('the event is not a JSON object')
  const word = required('event type', identifier, [description.wordOf(entry)])
  const type = typeOf(description, word, entry)
  if (type === null || description.isAboutNoEmail?.(entry, word)) return []
  const facts = description.factsOf(entry, word, received)
  const { receivedAt, payload } = received
  const { recipient, to } = addressesOf(facts)
  return [
    buildEvent({
      provider: description.name,
      id: facts.id,
      emailId: emailIdOf(description, facts, type, recipient),
      type,
      occurredAt: timeIn(facts.times) ?? receivedAt,
      receivedAt,
      to,
      recipient,
      subject: subjectOf({ subject: facts.subject }),
      bounce: type === 'bounced' ? buildBounce(description.bounceOf(entry, word)) : null,
      human: facts.isMachine !== true && isHumanEngagement(type, facts.userAgent ?? null),
      response: type === 'delivered' && facts.response ? responseOf(...facts.response) : null,
      list: isSubscriptionEventType(type) ? (facts.list ?? null) : null,
      scheduledFor: type === 'queued' ? (facts.scheduledFor ?? null) : null,
      tags: facts.tags ?? [],
      ...facts.ownIds,
      payload,
    }),
  ]
}

function typeOf({ types }: AdapterDescription, word: string, entry: Json): OurType {
  const type = Object.hasOwn(types, word) ? types[word] : word
  return (typeof type === 'function' ? type(entry) : type) ?? null
}

function addressesOf({ recipient, to }: EntryFacts): { recipient: string | null; to: string[] } {
  const named = normalizeAddress(recipient ?? '')
  const all = to === undefined ? [] : recipientsOf({ to })
  if (all.length === 0) return { recipient: named, to: named === null ? [] : [named] }
  return { recipient: named ?? (all.length === 1 ? (all[0] ?? null) : null), to: all }
}

/** A bounce or a complaint without its email still suppresses its address. Other events are of no use without their email. */
function emailIdOf(
  { emailIdName }: AdapterDescription,
  { emailId, id }: EntryFacts,
  type: string,
  recipient: string | null,
): string {
  const found = first(emailIdName, idForm, [emailId === '' ? undefined : emailId])
  const mustSuppress = recipient !== null && (type === 'bounced' || type === 'complained')
  if (found === undefined && mustSuppress) return unknownEmailId(id)
  return required(emailIdName, idForm, [found])
}

/** The email and the address of an unreadable entry: to show it with its email, and to erase it with the person. */
function readableFactsOf(
  { factsOf, wordOf }: AdapterDescription,
  entry: unknown,
  receivedAt: number,
): Pick<ReadableFacts, 'emailId' | 'to'> {
  const none = { emailId: '', to: [] }
  if (!isObject(entry)) return none
  try {
    const facts = factsOf(entry, identifier.safeParse(wordOf(entry)).data ?? '', {
      receivedAt,
      payload: '',
      headers: {},
    })
    return { emailId: idForm.safeParse(facts.emailId).data ?? '', to: addressesOf(facts).to }
  } catch (error) {
    if (error instanceof InvalidEventError) return none
    throw error
  }
}
