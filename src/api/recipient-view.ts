/** The recipients of an email as the API returns them: what became of the email for each. */

import type { StoredEvent } from '../db/emails-read.ts'
import type { Email, EmailRecipient } from '../db/generated/client.ts'
import { snapshotOf } from '../db/snapshot-columns.ts'
import { erasedAddress } from '../domain/address.ts'
import type { DeliveryFacts, Engagement } from '../domain/delivery-facts.ts'
import { registrationEventType } from '../domain/events.ts'
import {
  emptySnapshot,
  foldEvents,
  noRecipient,
  recipientKeysOf,
  recipientStateOf,
  type Snapshot,
} from '../domain/lifecycle.ts'
import { isoTime } from './escalation-view.ts'
import { failureOf } from './failure-view.ts'
import { foldableEvent } from './foldable-event.ts'

/** The recipients of an email, and its snapshot with what is known of each, if there are several. */
export interface KnownRecipients {
  /** By key, in the order in which they are shown. */
  readonly addresses: ReadonlyMap<string, string>
  readonly snapshot: Snapshot
}

/**
 * The recipients of a stored email. Of an email that only a version before 0.5 has saved, nothing is stored for each of several
 * recipients: they are folded from its events, if these name any.
 * @param rows its rows of email_recipients.
 * @param events its own.
 */
export function storedRecipients(
  email: Email,
  rows: readonly EmailRecipient[],
  events: readonly StoredEvent[],
): KnownRecipients {
  const snapshot = snapshotOf(email, rows)
  const named = sortedLike(
    email.recipients,
    rows.filter(({ key }) => key !== noRecipient),
  )
  if (named.length <= 1) {
    const address = email.recipients[0] ?? named[0]?.address
    return { addresses: new Map(address ? [[address, address]] : []), snapshot }
  }
  if (snapshot.recipients) return { addresses: new Map(named.map((row) => [row.key, addressOf(row)])), snapshot }
  const isNamed = events.some(({ recipient }) => recipient !== null)
  return {
    addresses: new Map(named.map((row) => [addressOf(row), addressOf(row)])),
    snapshot: isNamed ? { ...snapshot, recipients: recipientsIn(events) } : snapshot,
  }
}

/** What the applied events say of each recipient, by address. The registration says nothing of one. */
function recipientsIn(events: readonly StoredEvent[]): NonNullable<Snapshot['recipients']> {
  const applied = events.filter(({ type, appliedAt }) => type !== registrationEventType && appliedAt !== null)
  const folded = foldEvents(
    emptySnapshot,
    applied.map((event) => foldableEvent(event)),
  )
  return folded.recipients ?? {}
}

/** The recipients of an email that was folded from its events, with addresses as keys. */
export const foldedRecipients = (to: readonly string[], snapshot: Snapshot): KnownRecipients => ({
  addresses: new Map([...to, ...recipientKeysOf(snapshot)].map((address) => [address, address])),
  snapshot,
})

const addressOf = ({ address }: EmailRecipient): string => address ?? erasedAddress

function sortedLike(addresses: readonly string[], rows: readonly EmailRecipient[]): EmailRecipient[] {
  const place = (row: EmailRecipient) => addresses.indexOf(addressOf(row))
  return rows.toSorted((a, b) => place(a) - place(b))
}

/**
 * @param email its own state, for an email's only recipient.
 * @param events its own.
 */
export const recipientViews = (
  { addresses, snapshot }: KnownRecipients,
  email: { readonly status: string; readonly delivery: string },
  events: readonly StoredEvent[],
) =>
  [...addresses].map(([key, address]) => {
    const { facts, ...state } = addresses.size === 1 ? { ...email, facts: snapshot } : recipientStateOf(snapshot, key)
    return recipientView(address, { ...state, facts }, events)
  })

const recipientView = (
  address: string,
  { status, delivery, facts }: { status: string; delivery: string; facts: DeliveryFacts },
  events: readonly StoredEvent[],
) => ({
  address,
  status,
  delivery,
  failure: failureOf(facts, events),
  opens: engagementView(facts.opens),
  clicks: engagementView(facts.clicks),
  deliveredAt: isoTime(facts.deliveredAt),
  complainedAt: isoTime(facts.complainedAt),
  /** Read after the view is made, see withSuppressions. */
  suppressed: false,
})

/** Opens or clicks. */
export const engagementView = ({ total, human, firstAt, lastAt }: Engagement) => ({
  total,
  human,
  firstAt: isoTime(firstAt),
  lastAt: isoTime(lastAt),
})

/** To how many recipients the email is known to be delivered; null unless it has several. */
export function deliveredToOf(recipients: readonly { readonly delivery: string }[]) {
  if (recipients.length < 2) return null
  return {
    delivered: recipients.filter(({ delivery }) => delivery === 'delivered').length,
    recipients: recipients.length,
  }
}
