/** Counts of emails and their rates. Pure. docs/analytics.md describes them. */
import { type Bin, percentileOf } from './histogram.ts'

/**
 * Counts over a set of emails, or of recipients. Each counts emails, or recipients, and not events: an email opened five times counts
 * once.
 */
export interface Tally {
  readonly emails: number
  /** Accepted, deferred, refused or delivered by the recipient's server; not those still queued. */
  readonly sent: number
  /** Reported as delivered, or proven by a person's open, click or complaint. Not those that bounced hard. */
  readonly delivered: number
  /** Refused for good by the recipient's address. */
  readonly hardBounced: number
  /** Not delivered for another reason. */
  readonly failed: number
  /** Delayed by a soft bounce; they may have been delivered later. */
  readonly softBounced: number
  readonly complained: number
  /** Of the delivered: opened, including by machines. */
  readonly opened: number
  /** Of the delivered: opened at least once, likely by a person. */
  readonly openedByHuman: number
  readonly clicked: number
  readonly clickedByHuman: number
  /** Emails with a known delivery time, and the sum of these times. */
  readonly timed: number
  readonly deliveryTimeSumMs: number
  /** The recipients of the emails, and those that they were delivered to. */
  readonly recipients: number
  readonly deliveredRecipients: number
  readonly deliveryTimeBins: readonly Bin[]
}

/** A share of emails, with its numerator and denominator. */
export interface Rate {
  readonly numerator: number
  readonly denominator: number
  /** From 0 to 1; null if the denominator is 0. */
  readonly rate: number | null
}

export interface Figures {
  readonly emails: number
  readonly sent: number
  readonly delivered: number
  /** The recipients of the emails, and those that they were delivered to. */
  readonly recipients: number
  readonly deliveredRecipients: number
  /** Delivered, of sent. */
  readonly deliverability: Rate
  /** Refused for good by the recipient's address, of sent. */
  readonly hardBounces: Rate
  /** Not delivered for another reason, of sent. */
  readonly failures: Rate
  /** Delayed by a soft bounce, of sent. */
  readonly softBounces: Rate
  /** Complained about, of delivered. */
  readonly complaints: Rate
  /** Opened, of delivered: in total, and likely by a person. */
  readonly opens: { readonly all: Rate; readonly human: Rate }
  readonly clicks: { readonly all: Rate; readonly human: Rate }
  /** From the earliest known time of sending to delivery; percentiles to within {@link percentileError}. */
  readonly deliveryTimeMs: {
    readonly count: number
    readonly mean: number | null
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

export const emptyTally: Tally = {
  emails: 0,
  sent: 0,
  delivered: 0,
  hardBounced: 0,
  failed: 0,
  softBounced: 0,
  complained: 0,
  opened: 0,
  openedByHuman: 0,
  clicked: 0,
  clickedByHuman: 0,
  timed: 0,
  deliveryTimeSumMs: 0,
  recipients: 0,
  deliveredRecipients: 0,
  deliveryTimeBins: [],
}

const rateOf = (numerator: number, denominator: number): Rate => ({
  numerator,
  denominator,
  rate: denominator === 0 ? null : numerator / denominator,
})

/** The rates of a tally, each with its numerator and denominator. */
export function figuresOf(tally: Tally): Figures {
  const { emails, sent, delivered, timed, deliveryTimeSumMs, deliveryTimeBins } = tally
  const percentile = (share: number) => rounded(percentileOf(deliveryTimeBins, share))
  return {
    emails,
    sent,
    delivered,
    recipients: tally.recipients,
    deliveredRecipients: tally.deliveredRecipients,
    deliverability: rateOf(delivered, sent),
    hardBounces: rateOf(tally.hardBounced, sent),
    failures: rateOf(tally.failed, sent),
    softBounces: rateOf(tally.softBounced, sent),
    complaints: rateOf(tally.complained, delivered),
    opens: { all: rateOf(tally.opened, delivered), human: rateOf(tally.openedByHuman, delivered) },
    clicks: { all: rateOf(tally.clicked, delivered), human: rateOf(tally.clickedByHuman, delivered) },
    deliveryTimeMs: {
      count: timed,
      mean: timed === 0 ? null : rounded(deliveryTimeSumMs / timed),
      p50: percentile(0.5),
      p95: percentile(0.95),
      p99: percentile(0.99),
    },
  }
}

const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms))
