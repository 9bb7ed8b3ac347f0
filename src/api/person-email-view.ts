/** One email to a person, as the person's page has it: what became of it for this person alone. */
import type { StoredEvent } from '../db/emails-read.ts'
import type { Email, EmailRecipient } from '../db/generated/client.ts'
import { type DeliveryState, type EmailStatus, recipientStateOf, sentAtOf } from '../domain/lifecycle.ts'
import type { PersonEmail } from '../domain/next-step.ts'
import type { Metadata } from '../domain/own-ids.ts'
import { isoTime } from './escalation-view.ts'
import { failureOf } from './failure-view.ts'
import { engagementView, storedRecipients } from './recipient-view.ts'

/** What is stored of emails. It may hold rows of other emails too. */
export interface StoredParts {
  readonly events: readonly StoredEvent[]
  readonly recipients: readonly EmailRecipient[]
}

/** @param spellings of the person's address. */
export function personEmailOf(row: Email, spellings: readonly string[], parts: StoredParts) {
  const isOwn = (of: { provider: string; emailId: string }) => of.provider === row.provider && of.emailId === row.id
  const events = parts.events.filter(isOwn)
  const { addresses, snapshot } = storedRecipients(row, parts.recipients.filter(isOwn), events)
  const isOne = addresses.size <= 1
  const isOfWholeEmail = !isOne && snapshot.recipients === undefined
  const [key] = [...addresses].find(([, address]) => spellings.includes(address)) ?? []
  const own = isOne || isOfWholeEmail || key === undefined ? null : recipientStateOf(snapshot, key)
  const facts = own?.facts ?? snapshot
  const failure = failureOf(facts, events)
  return {
    id: row.id,
    provider: row.provider,
    subject: row.subject,
    priority: row.priority,
    tags: row.tags,
    externalId: row.externalId,
    metadata: (row.metadata ?? {}) as Metadata,
    status: own?.status ?? (row.status as EmailStatus),
    delivery: own?.delivery ?? (row.delivery as DeliveryState),
    isOfWholeEmail,
    failure: failure && { ...failure, at: isoTime(facts.bounce?.at ?? null) },
    opens: engagementView(facts.opens),
    clicks: engagementView(facts.clicks),
    scheduledFor: isoTime(row.scheduledFor),
    sentAt: isoTime(sentAtOf({ ...snapshot, sentAt: facts.sentAt })),
    deliveredAt: isoTime(facts.deliveredAt),
    complainedAt: isoTime(facts.complainedAt),
    createdAt: row.createdAt.toISOString(),
    facts,
  }
}

type KnownEmail = ReturnType<typeof personEmailOf>

/** Without the facts, which are for {@link personEmailFor} and {@link lastFactOf}. */
export function personEmailView({ facts: _, ...view }: KnownEmail) {
  return view
}

export type PersonEmailView = ReturnType<typeof personEmailView>

/** The email as the judgement of the next step needs it. */
export const forNextStep = ({ status, failure, facts, scheduledFor, createdAt }: KnownEmail): PersonEmail => ({
  status,
  createdAt: Date.parse(createdAt),
  scheduledFor: scheduledFor === null ? null : Date.parse(scheduledFor),
  deliveredAt: facts.deliveredAt,
  complainedAt: facts.complainedAt,
  failure: failure && { reason: failure.reason, party: failure.party, at: facts.bounce?.at ?? Date.parse(createdAt) },
  engagedAt: latestOf(facts.opens.lastAt, facts.clicks.lastAt),
  isSeen: facts.opens.human + facts.clicks.human > 0,
})

const latestOf = (...times: readonly (number | null)[]): number | null => {
  const known = times.filter((at) => at !== null)
  return known.length === 0 ? null : Math.max(...known)
}

/** What happened last to an email: the latest of its facts. Opens and clicks by machines are none. */
export function lastFactOf({ id, provider, subject, facts, failure, delivery, createdAt }: KnownEmail) {
  const candidates: readonly (readonly [string, number | null])[] = [
    ['queued', facts.queuedAt],
    ['sending', facts.sendingAt],
    ['sent', facts.sentAt],
    [outcomeOf(delivery), facts.bounce?.at ?? null],
    ['delivered', facts.deliveredAt],
    ['opened', facts.opens.human > 0 ? facts.opens.lastAt : null],
    ['clicked', facts.clicks.human > 0 ? facts.clicks.lastAt : null],
    ['complained', facts.complainedAt],
  ]
  const [what, at] = candidates.reduce((last, next) => ((next[1] ?? 0) >= (last[1] ?? 0) ? next : last))
  const isFailure = what === 'bounced' || what === 'failed' || what === 'deferred'
  return {
    what,
    at: at ?? Date.parse(createdAt),
    email: { id, provider, subject },
    failure: isFailure ? failure : null,
  }
}

/** A bounce is a delay, unless delivery is over by it. */
const outcomeOf = (delivery: DeliveryState): string =>
  delivery === 'bounced' || delivery === 'failed' ? delivery : 'deferred'
