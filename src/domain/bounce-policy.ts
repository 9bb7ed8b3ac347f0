/** Which bounces are final, and when bounces that are not add up to one that is. */
import type { BounceClass } from './events.ts'

/** What a provider says about a bounce; any of it may be missing. */
export interface BounceEvidence {
  /** The provider's own class, such as `hard`, `Permanent`, `transient`. */
  readonly type?: string | null
  /** Enhanced status code (RFC 3463, `5.1.1`) or SMTP reply code (RFC 5321, `550`). */
  readonly code?: string | null
}

const hardWords = /^(hard|permanent|suppressed|invalid|general_?hard)/i
const softWords = /^(soft|transient|temporary|deferred|undetermined|delayed|block)/i

/**
 * The class of a bounce: the provider's word first, then the status code, then hard, since a provider that says no more
 * than "bounced" has stopped trying.
 *
 * Codes: RFC 3463 §2 makes class 5 permanent and class 4 a persistent transient failure, and §3.3 wants X.2.2 (mailbox
 * full) taken as transient whatever its class. Reply codes: RFC 5321 §4.2.1, 4yz transient and 5yz permanent; 552 is the
 * same full mailbox (§4.2.2).
 */
export function classifyBounce(evidence: BounceEvidence): BounceClass {
  const word = evidence.type?.trim() ?? ''
  if (hardWords.test(word)) return 'hard'
  if (softWords.test(word)) return 'soft'
  const code = evidence.code?.trim() ?? ''
  if (/^4/.test(code) || /^5\.2\.2$/.test(code) || code === '552') return 'soft'
  return 'hard'
}

/** Soft bounces on this many different days … */
export const softBounceDayLimit = 3

/** … within this long make a recipient count as hard. Days are UTC days. */
export const softBounceWindowMs = 14 * 24 * 3_600_000

/** The bounce code of the hard bounce that follows from too many soft ones. Ours: no SMTP code looks like it. */
export const softBounceLimitCode = 'soft_bounce_limit'

const dayMs = 24 * 3_600_000

/**
 * Whether soft bounces of one recipient add up to a hard one: on {@link softBounceDayLimit} different UTC days that lie
 * within {@link softBounceWindowMs} of one another.
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
