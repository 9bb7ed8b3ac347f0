/** Webhooks to applications: what an endpoint is, which events it is sent, and when an attempt is repeated. */
import type { Priority } from './events.ts'

/** The version of the payload's form. It changes only where a receiver would have to. */
export const endpointApiVersion = '2026-12'

export const emailSentTypes = [
  'email.queued',
  'email.sending',
  'email.sent',
  'email.delivered',
  'email.deferred',
  'email.bounced',
  'email.failed',
  'email.opened',
  'email.clicked',
  'email.complained',
  'email.stalled',
] as const

export const recipientSentTypes = [
  'recipient.suppressed',
  'recipient.unsuppressed',
  'recipient.unsubscribed',
  'recipient.resubscribed',
] as const

export const escalationSentTypes = [
  'escalation.opened',
  'escalation.acknowledged',
  'escalation.snoozed',
  'escalation.resolved',
] as const

/** Sent on request only, to any endpoint. */
export const testSentType = 'endpoint.test'

/** What an endpoint may choose among. */
export const endpointEventTypes = [...emailSentTypes, ...recipientSentTypes, ...escalationSentTypes] as const

/** Each that is present must hold; of each list, one value must be the event's. An event of no email has no tag and no priority. */
export interface EndpointFilters {
  /** Without the project: `resend`. */
  readonly providers?: readonly string[]
  readonly tags?: readonly string[]
  readonly priorities?: readonly Priority[]
}

export const endpointStates = ['active', 'paused'] as const

/** Why an endpoint is paused, each with its meaning. */
export const pauseReasons = {
  person: 'by a person',
  failing: 'failed for five days',
  gone: 'answered 410 Gone',
} as const
export type PauseReason = keyof typeof pauseReasons

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/**
 * From each attempt to the next; in sum three days. The first attempt is made at once. Source: Standard Webhooks, "Operational
 * considerations", which proposes such a schedule.
 */
const delaysMs = [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour]

/** How often a delivery is attempted, while its endpoint accepts others. */
export const maximumAttempts = delaysMs.length + 1

/** Up to a tenth longer, so that what failed together is not repeated together. */
const withJitter = (ms: number, random: number): number => Math.round(ms * (1 + random / 10))

/**
 * How long a failed delivery waits for its next attempt, in milliseconds; null after the last one.
 * @param attempts made so far, at least 1.
 * @param random from 0 to 1.
 */
export function attemptDelayMs(attempts: number, random: number): number | null {
  const delay = delaysMs[attempts - 1]
  return delay === undefined ? null : withJitter(delay, random)
}

/** An endpoint that failed this often without a success is only probed: one delivery at a time, until one is accepted. */
export const failuresUntilProbing = 5

export const isProbed = (failures: number): boolean => failures >= failuresUntilProbing

/**
 * How long an endpoint that is only probed is left alone after its last failure, in milliseconds: 5 seconds, doubled by each failure up
 * to 5 minutes. A probe does not count as an attempt of its delivery, so that a long outage uses none up.
 */
export const probeDelayMs = (failures: number, random: number): number =>
  withJitter(Math.min(5 * minute, 5 * second * 2 ** Math.max(0, failures - failuresUntilProbing)), random)

/** An endpoint that has failed for this long, without a success, is paused. */
export const pausedAfterFailingMs = 5 * day

/** The longest that an endpoint may ask to be left alone. */
const maximumRetryAfterMs = hour

/**
 * The `Retry-After` of an answer in milliseconds, at most an hour; null if there is none that can be read. Source: RFC 9110, 10.2.3.
 * @param now epoch milliseconds.
 */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * second : Date.parse(header) - now
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), maximumRetryAfterMs)
}

/** How long a replaced secret still signs. */
export const secretOverlapMs = day
