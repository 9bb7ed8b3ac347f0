/** `/v1/analytics`: rates and delivery times, in total, over time, and broken down. */
import { z } from 'zod'
import {
  type AnalyticsFilter,
  breakdownKeys,
  countsRecipients,
  dayMs,
  hourMs,
  readBreakdown,
  readSummary,
  readTimeseries,
  type TimeRange,
  timeBuckets,
} from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { asciiDomain } from '../domain/address.ts'
import { priorities } from '../domain/events.ts'
import { type Figures, figuresOf } from '../domain/figures.ts'
import { instant, limitUpTo, name, oneOf } from '../http/input.ts'
import { validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { analyticsBreakdown, analyticsSummary, analyticsTimeseries } from './answers.ts'

interface AnalyticsDependencies {
  readonly db: Database
  readonly clock: () => number
}

const filters = {
  from: instant.optional(),
  to: instant.optional(),
  provider: name(64).optional(),
  priority: oneOf(priorities).optional(),
  tag: name(301).optional(),
  domain: name(255)
    .transform((domain) => asciiDomain(domain) ?? domain.toLowerCase())
    .optional(),
}

const summaryQuery = z.object(filters)
const timeseriesQuery = z.object({
  ...filters,
  bucket: oneOf(timeBuckets).default('hour'),
})
const breakdownQuery = z.object({
  ...filters,
  by: oneOf(breakdownKeys),
  limit: limitUpTo(500),
})

const defaultRangeMs = 30 * dayMs
const longestRangeMs = 400 * dayMs
const mostBuckets = 1_000

export const analyticsRoutes = ({ db, clock }: AnalyticsDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/analytics/summary',
      tag: 'Analytics',
      summary: 'Rates and delivery times in total',
      description:
        'Covers emails first known from `from` up to `to`, in whole hours: the last 30 days by default, at most 400 days.',
      query: summaryQuery,
      answers: { 200: { description: 'Rates, each with numerator and denominator', schema: analyticsSummary } },
    },
    async (ctx, { query }) => {
      const range = rangeOf(query, hourMs, clock())
      ctx.body = { ...scopeOf(range, query), ...figuresOf(await inTime(() => readSummary(db, range, query))) }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/analytics/timeseries',
      tag: 'Analytics',
      summary: 'Rates and delivery times by hour or day',
      description: 'At most 1,000 buckets.',
      query: timeseriesQuery,
      answers: { 200: { description: 'The summary for each bucket', schema: analyticsTimeseries } },
    },
    async (ctx, { query }) => {
      const bucketMs = query.bucket === 'hour' ? hourMs : dayMs
      const range = rangeOf(query, bucketMs, clock())
      refuseTooMany((range.to.getTime() - range.from.getTime()) / bucketMs)
      const buckets = await inTime(() => readTimeseries(db, range, query, query.bucket))
      ctx.body = {
        ...scopeOf(range, query),
        bucket: query.bucket,
        data: buckets.map(({ startsAt, tally }) => ({ startsAt: startsAt.toISOString(), ...figuresOf(tally) })),
      }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/analytics/breakdown',
      tag: 'Analytics',
      summary: 'Rates and delivery times by a key',
      description:
        'By `domain`, `tag`, `priority` and `provider`, emails are counted. By `mailboxProvider`, recipients are; by `reason` and ' +
        '`party`, recipients who bounced or failed. Those of versions before 0.5 have the reason `unknown`.',
      query: breakdownQuery,
      answers: {
        200: { description: 'The summary for each value, those with the most first', schema: analyticsBreakdown },
      },
    },
    async (ctx, { query }) => {
      const range = rangeOf(query, hourMs, clock())
      const parts = await inTime(() => readBreakdown(db, range, query, query.by, query.limit))
      const data: (Figures & { value: string })[] = parts.map(({ value, tally }) => ({ value, ...figuresOf(tally) }))
      const counts = countsRecipients(query.by) ? 'recipients' : 'emails'
      ctx.body = { ...scopeOf(range, query), by: query.by, counts, data }
    },
  ),
]

/** Whole buckets, from the one that contains `from` to the one that contains the last moment before `to`. */
function rangeOf(
  query: { from?: number | undefined; to?: number | undefined },
  bucketMs: number,
  now: number,
): TimeRange {
  const to = query.to ?? now
  const from = query.from ?? to - defaultRangeMs
  if (from >= to) throw invalid('from', 'must be before `to`')
  if (to - from > longestRangeMs) throw invalid('from', 'must be at most 400 days before `to`')
  return {
    from: new Date(Math.floor(from / bucketMs) * bucketMs),
    to: new Date(Math.ceil(to / bucketMs) * bucketMs),
  }
}

function refuseTooMany(buckets: number): void {
  if (buckets > mostBuckets)
    throw invalid('bucket', `must divide the range into at most ${mostBuckets} buckets: use day, or a shorter range`)
}

const invalid = (path: string, message: string) => validationProblem([{ path, message }])

/** What an answer covers: the range after rounding, and the filter. */
const scopeOf = ({ from, to }: TimeRange, { provider, priority, tag, domain }: AnalyticsFilter) => ({
  from: from.toISOString(),
  to: to.toISOString(),
  filter: { provider: provider ?? null, priority: priority ?? null, tag: tag ?? null, domain: domain ?? null },
})
