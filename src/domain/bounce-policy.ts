/** Which bounces are hard, and when several soft ones add up to a hard one. */
import type { BounceClass } from './events.ts'

/** A provider's facts about a bounce; any of them may be missing. */
export interface BounceEvidence {
  /** The provider's own class, such as `hard`, `Permanent`, `transient`. */
  readonly type?: string | null
  /** Enhanced status code (RFC 3463, `5.1.1`) or SMTP reply code (RFC 5321, `550`). */
  readonly code?: string | null
}

const hardTypes = /^(hard|permanent|suppressed|invalid|general_?hard)/i
const softTypes = /^(soft|transient|temporary|deferred|undetermined|delayed|block)/i

/**
 * The class of a bounce: by the provider's class, else by the status code, else hard, since a provider that reports only
 * "bounced" has stopped retrying.
 *
 * Codes: RFC 3463 §2 makes class 5 permanent and class 4 a persistent transient failure, and §3.3 treats X.2.2 (mailbox
 * full) as transient in both classes. Reply codes: RFC 5321 §4.2.1, 4yz transient and 5yz permanent; 552 is the
 * same full mailbox (§4.2.2).
 */
export function classifyBounce(evidence: BounceEvidence): BounceClass {
  const type = evidence.type?.trim() ?? ''
  if (hardTypes.test(type)) return 'hard'
  if (softTypes.test(type)) return 'soft'
  const code = evidence.code?.trim() ?? ''
  if (/^4/.test(code) || /^5\.2\.2$/.test(code) || code === '552') return 'soft'
  return 'hard'
}

const retriedTypes = /^(soft|transient|temporary|deferred|delay)/i

/**
 * Whether a provider that reports `bounced` has stopped trying: unless its class or, without a class, the code says that the failure is
 * temporary. A full mailbox (5.2.2, 552) without a class is one that the provider has given up.
 */
export function isGivenUp(evidence: BounceEvidence): boolean {
  const type = evidence.type?.trim() ?? ''
  if (retriedTypes.test(type)) return false
  return hardTypes.test(type) || !evidence.code?.trim().startsWith('4')
}

/** Soft bounces on this many UTC days within {@link softBounceWindowMs} count as a hard bounce. */
const softBounceDayLimit = 3

export const softBounceWindowMs = 14 * 24 * 3_600_000

/** The code of a hard bounce that follows from repeated soft ones. It cannot be an SMTP code. */
export const softBounceLimitCode = 'soft_bounce_limit'

const dayMs = 24 * 3_600_000

/**
 * Whether soft bounces of one recipient add up to a hard one: on {@link softBounceDayLimit} different UTC days within
 * {@link softBounceWindowMs}.
 * @param bouncedAt epoch milliseconds, in any order.
 */
export function reachesSoftBounceLimit(bouncedAt: readonly number[]): boolean {
  const days = [...new Set(bouncedAt.map((at) => Math.floor(at / dayMs)))].sort((a, b) => a - b)
  const windowDays = softBounceWindowMs / dayMs
  return days.some((day, index) => {
    const last = days[index + softBounceDayLimit - 1]
    return last !== undefined && last - day < windowDays
  })
}
