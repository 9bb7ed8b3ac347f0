/**
 * What to do about a person whose emails are in question: one sentence for people who answer customers, and who must act. A pure
 * function of what is known of the person.
 */

import type { FailureParty, FailureReason } from './failure.ts'
import { adviceFor, type FailureStage } from './failure-advice.ts'
import type { EmailStatus } from './lifecycle.ts'
import type { SuppressionReason } from './suppression.ts'
import { spanInWords } from './time-span.ts'

/** Who must act. `nobody`: everything is in order, or time will tell. */
export type NextActor = FailureParty | 'nobody'

export interface NextStep {
  readonly actor: NextActor
  /** One sentence in plain English, without an address. */
  readonly sentence: string
}

/** A failure of an email to this person. */
interface PersonFailure {
  readonly reason: FailureReason
  readonly party: FailureParty
  readonly at: number
}

/** One email to the person: the person's own state. Times are epoch milliseconds. */
export interface PersonEmail {
  readonly status: EmailStatus
  readonly createdAt: number
  readonly scheduledFor: number | null
  readonly deliveredAt: number | null
  readonly complainedAt: number | null
  readonly failure: PersonFailure | null
  /** The last open or click, by a person or a machine. */
  readonly engagedAt: number | null
  /** Whether a person, not only a machine, likely opened or clicked it. */
  readonly isSeen: boolean
}

/** An entry of the suppression list. */
export interface PersonSuppression {
  readonly reason: SuppressionReason
  readonly since: number
  /** Who added it by hand; null if an event did, or it is not known. */
  readonly addedBy: string | null
  /** Of the event that led to it; null if there was none, or it is no failure. */
  readonly failure: Pick<PersonFailure, 'reason' | 'party'> | null
  /** Whether the person was erased, so that only a keyed hash of the address is stored. */
  readonly isErased: boolean
}

export interface Person {
  /** Epoch milliseconds. */
  readonly now: number
  /** The newest ones, newest first. */
  readonly emails: readonly PersonEmail[]
  /** The active one. */
  readonly suppression: PersonSuppression | null
  /** The lists that the person has left and not joined again; null for one without a name. */
  readonly unsubscribed: readonly { readonly list: string | null; readonly at: number }[]
}

/** While an email waits, a failure of an earlier email explains more, if it is at most this old. */
const tellingFailureMs = 14 * 86_400_000
/** When waiting is longer than mail servers usually take. */
const longWaitMs = 24 * 3_600_000

export function nextStepOf(person: Person): NextStep {
  const { suppression, emails } = person
  if (suppression) return ofSuppression(person, suppression)
  const [latest] = emails
  if (!latest) return neverMailed(person)
  const complaint = emails.find(({ complainedAt }) => (complainedAt ?? 0) >= latest.createdAt)
  if (complaint)
    return ofComplaint(`${ago(person, complaint.complainedAt ?? 0)}, and are no longer on the suppression list`)
  if (!isWaiting(latest)) return ofLatest(person, latest)
  const before = emails.find((email) => !isWaiting(email))
  const isTelling = before && isFailed(before) && person.now - (before.failure?.at ?? 0) <= tellingFailureMs
  return isTelling ? ofLatest(person, before) : ofWaiting(person, latest)
}

/** Whether nothing is known yet but that it was sent. */
const isWaiting = ({ status }: PersonEmail) => status === 'queued' || status === 'sending' || status === 'sent'

/** Whether the email failed, and was not delivered after all. */
const isFailed = ({ status }: PersonEmail) => status === 'bounced' || status === 'failed' || status === 'deferred'

function ofSuppression(person: Person, suppression: PersonSuppression): NextStep {
  const { reason, failure, addedBy, since, isErased } = suppression
  if (isErased) return erased(person, suppression)
  if (reason === 'complaint') return ofComplaint(ago(person, since))
  if (reason !== 'manual' && failure) return ofFailure(person, { ...failure, at: since }, 'suppressed')
  const how = reason === 'manual' ? `by ${addedBy ?? 'your team'}` : `for ${inWords[reason]}`
  return {
    actor: reason === 'manual' ? 'sender' : 'recipient',
    sentence:
      `Their address is on the suppression list ${howLong(person, since)}, put there ${how}; ` +
      'nothing is sent to it until somebody takes it off the list.',
  }
}

const inWords: Readonly<Record<SuppressionReason, string>> = {
  hard_bounce: 'a final refusal of an email',
  repeated_soft_bounces: 'refusals on several days',
  complaint: 'a spam report',
  manual: 'no recorded reason',
}

const erased = (person: Person, { since, reason }: PersonSuppression): NextStep => ({
  actor: 'nobody',
  sentence:
    `Their data was erased, and only the suppression is kept ${howLong(person, since)} (${inWords[reason]}); ` +
    'nothing is sent to this address.',
})

const ofComplaint = (when: string): NextStep => ({
  actor: 'nobody',
  sentence: `They reported one of your emails as spam ${when}; do not write to them unless they ask for it.`,
})

function neverMailed(person: Person): NextStep {
  const [left] = person.unsubscribed
  const todo = left ? unsubscription(person, left) : 'check how the address is spelled'
  return {
    actor: 'nobody',
    sentence: `No email to this address is known, because none was sent or its data was erased; ${todo}.`,
  }
}

function ofLatest(person: Person, email: PersonEmail): NextStep {
  if (isFailed(email)) {
    const unexplained = { reason: 'unknown', party: 'unknown', at: email.createdAt } as const
    return ofFailure(person, email.failure ?? unexplained, email.status === 'deferred' ? 'trying' : 'over')
  }
  if (email.status === 'partly_delivered') {
    return {
      actor: 'nobody',
      sentence: 'Their latest email reached some of its recipients, and it is not recorded whether them; ask them.',
    }
  }
  return ofDelivered(person, email)
}

/** The failure, since when without a success in between, and of how many emails. */
function ofFailure(person: Person, failure: PersonFailure, stage: FailureStage): NextStep {
  const decided = person.emails.filter((email) => !isWaiting(email))
  const failedAlike = (email: PersonEmail) => isFailed(email) && email.failure?.reason === failure.reason
  const end = decided.findIndex((email) => !failedAlike(email))
  const run = end === -1 ? decided : decided.slice(0, end)
  const since = Math.min(failure.at, ...run.map((email) => email.failure?.at ?? failure.at))
  const alike = decided.filter(failedAlike).length
  const share = decided.length > 1 && alike > 0 ? ` (${alike} of ${decided.length} emails)` : ''
  const { what, todo } = adviceFor(failure.reason, failure.party, stage)
  const actor = stage === 'suppressed' && failure.party !== 'recipient' ? 'sender' : failure.party
  return { actor, sentence: `${what.replace('{since}', howLong(person, since))}${share}; ${todo}.` }
}

const unsubscription = (person: Person, { list, at }: Person['unsubscribed'][number]): string =>
  list === null
    ? `they unsubscribed ${ago(person, at)}, so write to them only if they ask for it`
    : `they unsubscribed from “${list}” ${ago(person, at)}, so leave them out of it unless they ask for it`

function ofDelivered(person: Person, email: PersonEmail): NextStep {
  const arrived = person.emails.filter((each) => !isWaiting(each) && !isFailed(each)).length
  const share = person.emails.length > 1 ? ` (${arrived} of ${person.emails.length} emails arrived)` : ''
  const when = email.deliveredAt === null ? '' : ` ${ago(person, email.deliveredAt)}`
  const seen = `was ${email.status === 'clicked' ? 'clicked' : 'opened'}${email.engagedAt === null ? '' : ` ${ago(person, email.engagedAt)}`}`
  const [left] = person.unsubscribed
  const todo = email.isSeen ? 'nothing to fix' : 'if they do not see it, ask them to look into their spam folder'
  return {
    actor: 'nobody',
    sentence:
      `Their latest email arrived${when} and ${email.isSeen ? seen : 'was not opened yet'}${share}; ` +
      `${left ? unsubscription(person, left) : todo}.`,
  }
}

function ofWaiting(person: Person, { createdAt, scheduledFor, status }: PersonEmail): NextStep {
  if (scheduledFor !== null && scheduledFor > person.now) {
    const sentence = `Their latest email is to be sent in ${spanInWords(scheduledFor - person.now)}, as planned; nothing to fix.`
    return { actor: 'nobody', sentence }
  }
  const since = Math.max(createdAt, scheduledFor ?? 0)
  const what = status === 'sent' ? 'is on its way' : 'waits to be sent'
  const isLong = person.now - since >= longWaitMs
  const todo = isLong
    ? 'that is unusually long: your technical team must ask the email provider'
    : 'there is no answer of their mail server yet: look again later'
  return {
    actor: isLong ? 'provider' : 'nobody',
    sentence: `Their latest email ${what} ${howLong(person, since)}; ${todo}.`,
  }
}

/** `since 3 days`, as the sentences of this file have it. */
const howLong = ({ now }: Person, at: number): string =>
  now - at < minuteMs ? 'as of now' : `since ${spanInWords(now - at)}`

const minuteMs = 60_000
const ago = ({ now }: Person, at: number): string => `${spanInWords(now - at)} ago`
