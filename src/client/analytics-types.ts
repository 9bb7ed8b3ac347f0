/** The types of figures. Times are ISO 8601 texts. */
import type { Priority } from './types.ts'

/** Emails first known from `from` up to `to`. Default: the last 30 days. */
export interface AnalyticsQuery {
  readonly from?: string
  readonly to?: string
  readonly provider?: string
  readonly priority?: Priority
  readonly tag?: string
  /** Of the recipient. */
  readonly domain?: string
}

export interface BreakdownQuery extends AnalyticsQuery {
  readonly by: 'domain' | 'tag' | 'priority' | 'provider' | 'mailboxProvider' | 'reason' | 'party'
  /** Default 50, at most 500. */
  readonly limit?: number
}

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
  readonly recipients: number
  readonly deliveredRecipients: number
  /** Of sent. */
  readonly deliverability: Rate
  readonly hardBounces: Rate
  readonly failures: Rate
  readonly softBounces: Rate
  /** Of delivered. */
  readonly complaints: Rate
  readonly opens: { readonly all: Rate; readonly human: Rate }
  readonly clicks: { readonly all: Rate; readonly human: Rate }
  readonly deliveryTimeMs: {
    readonly count: number
    readonly mean: number | null
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
}

/** What figures cover: whole hours. */
export interface AnalyticsScope {
  readonly from: string
  readonly to: string
}

export type AnalyticsSummary = AnalyticsScope & Figures

export interface AnalyticsBreakdown extends AnalyticsScope {
  readonly by: BreakdownQuery['by']
  /** What the figures count. */
  readonly counts: 'emails' | 'recipients'
  /** Those with the most first. */
  readonly data: readonly (Figures & { readonly value: string })[]
}
