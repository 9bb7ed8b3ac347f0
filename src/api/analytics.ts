/** How sending goes: rates and delivery times, as a whole, over time, and broken down. */
import { z } from 'zod'
import { type Figures, figuresOf } from '../analytics/figures.ts'
import {
  type AnalyticsFilter,
  breakdownKeys,
  dayMs,
  hourMs,
  readBreakdown,
  readSummary,
  readTimeseries,
  type TimeRange,
  timeBuckets,
} from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { priorities } from '../domain/events.ts'
import { analyticsBreakdown, analyticsSummary, analyticsTimeseries } from './answers.ts'
import { inTime } from './deadlines.ts'
import { instant, name } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

interface AnalyticsDependencies {
  readonly db: Database
  readonly clock: () => number
}

const filters = {
  from: instant.optional(),
  to: instant.optional(),
  provider: name(64).optional(),
  priority: z.enum(priorities, `wants one of ${priorities.join(', ')}`).optional(),
  tag: name(301).optional(),
  domain: name(255)
    .transform((domain) => domain.toLowerCase())
    .optional(),
}

const summaryQuery = z.object(filters)
const timeseriesQuery = z.object({
  ...filters,
  bucket: z.enum(timeBuckets, `wants one of ${timeBuckets.join(', ')}`).default('hour'),
})
const breakdownQuery = z.object({
  ...filters,
  by: z.enum(breakdownKeys, `wants one of ${breakdownKeys.join(', ')}`),
  limit: z.coerce
    .number('wants a number from 1 to 500')
    .int('wants a whole number')
    .min(1, 'wants at least 1')
    .max(500, 'wants at most 500')
    .default(50),
})

const defaultRangeMs = 30 * dayMs
const longestRangeMs = 400 * dayMs
const mostBuckets = 1_000

/** The routes under `/v1/analytics`. */
export const analyticsRoutes = ({ db, clock }: AnalyticsDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/analytics/summary',
      tag: 'Analytics',
      summary: 'How sending went',
      description:
        'Of emails first known from `from` up to `to`, in whole hours; the last 30 days by default, 400 at most.',
      query: summaryQuery,
      answers: { 200: { description: 'Rates, each with what it was made of', schema: analyticsSummary } },
    },
    async (ctx, { query }) => {
      const range = rangeOf(query, hourMs, clock())
      ctx.body = { ...told(range, query), ...figuresOf(await inTime(() => readSummary(db, range, query))) }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/analytics/timeseries',
      tag: 'Analytics',
      summary: 'How sending went, over time',
      description: 'At most 1,000 buckets.',
      query: timeseriesQuery,
      answers: { 200: { description: 'The same for each bucket', schema: analyticsTimeseries } },
    },
    async (ctx, { query }) => {
      const bucketMs = query.bucket === 'hour' ? hourMs : dayMs
      const range = rangeOf(query, bucketMs, clock())
      refuseTooMany((range.to.getTime() - range.from.getTime()) / bucketMs)
      const buckets = await inTime(() => readTimeseries(db, range, query, query.bucket))
      ctx.body = {
        ...told(range, query),
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
      summary: 'How sending went, by domain, tag, priority or provider',
      query: breakdownQuery,
      answers: {
        200: { description: 'The same for each value, those with most emails first', schema: analyticsBreakdown },
      },
    },
    async (ctx, { query }) => {
      const range = rangeOf(query, hourMs, clock())
      const parts = await inTime(() => readBreakdown(db, range, query, query.by, query.limit))
      const data: (Figures & { value: string })[] = parts.map(({ value, tally }) => ({ value, ...figuresOf(tally) }))
      ctx.body = { ...told(range, query), by: query.by, data }
    },
  ),
]

/** Whole buckets: the one that `from` lies in to the one that the last moment before `to` lies in. */
function rangeOf(
  query: { from?: number | undefined; to?: number | undefined },
  bucketMs: number,
  now: number,
): TimeRange {
  const to = query.to ?? now
  const from = query.from ?? to - defaultRangeMs
  if (from >= to) throw malformed('from', 'wants a time before to')
  if (to - from > longestRangeMs) throw malformed('from', 'wants a time at most 400 days before to')
  return {
    from: new Date(Math.floor(from / bucketMs) * bucketMs),
    to: new Date(Math.ceil(to / bucketMs) * bucketMs),
  }
}

function refuseTooMany(buckets: number): void {
  if (buckets > mostBuckets) throw malformed('bucket', `wants a range of at most ${mostBuckets} buckets`)
}

const malformed = (path: string, message: string): Problem =>
  new Problem(400, 'the query is not as it must be; errors says where', { errors: [{ path, message }] })

/** What was counted: the range that was really taken, and the filter. */
const told = ({ from, to }: TimeRange, { provider, priority, tag, domain }: AnalyticsFilter) => ({
  from: from.toISOString(),
  to: to.toISOString(),
  filter: { provider: provider ?? null, priority: priority ?? null, tag: tag ?? null, domain: domain ?? null },
})
