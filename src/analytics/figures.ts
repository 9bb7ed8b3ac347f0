/** What is counted of emails, and the rates that follow from it. Pure. docs/analytics.md says the same in words. */
import { type Bin, percentileOf } from './histogram.ts'

/**
 * What a set of emails adds up to. Every count is a number of emails, whatever number of events made it: an email opened
 * five times is one that was opened.
 */
export interface Tally {
  readonly emails: number
  /** Left for the recipient's server: accepted, deferred, refused or arrived; not those that are queued still. */
  readonly sent: number
  /** Arrived and stayed: told so by the provider, or proven by what a person did with it. Not those that bounced hard. */
  readonly delivered: number
  readonly hardBounced: number
  /** Bounced, but never hard; they may have been delivered later. */
  readonly softBounced: number
  readonly complained: number
  /** Of the delivered: opened by anybody, machines included. */
  readonly opened: number
  /** Of the delivered: opened at least once by what was likely a person. */
  readonly openedByHuman: number
  readonly clicked: number
  readonly clickedByHuman: number
  /** Emails whose delivery time is known, and the sum of their times. */
  readonly timed: number
  readonly deliveryTimeSumMs: number
  readonly deliveryTimeBins: readonly Bin[]
}

/** A share of emails, with what it was made of. */
export interface Rate {
  readonly numerator: number
  readonly denominator: number
  /** From 0 to 1; null of nothing. */
  readonly rate: number | null
}

export interface Figures {
  readonly emails: number
  readonly sent: number
  readonly delivered: number
  /** Delivered, of sent. */
  readonly deliverability: Rate
  /** Bounced hard, of sent. */
  readonly hardBounces: Rate
  /** Bounced soft and never hard, of sent. */
  readonly softBounces: Rate
  /** Complained about, of delivered. */
  readonly complaints: Rate
  /** Opened, of delivered: by anybody, and by what was likely a person. */
  readonly opens: { readonly all: Rate; readonly human: Rate }
  readonly clicks: { readonly all: Rate; readonly human: Rate }
  /** From the first moment known of the sending to the delivery; percentiles to within {@link percentileError}. */
  readonly deliveryTimeMs: {
    readonly count: number
    readonly mean: number | null
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

/** What no emails add up to. */
export const emptyTally: Tally = {
  emails: 0,
  sent: 0,
  delivered: 0,
  hardBounced: 0,
  softBounced: 0,
  complained: 0,
  opened: 0,
  openedByHuman: 0,
  clicked: 0,
  clickedByHuman: 0,
  timed: 0,
  deliveryTimeSumMs: 0,
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
    deliverability: rateOf(delivered, sent),
    hardBounces: rateOf(tally.hardBounced, sent),
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
