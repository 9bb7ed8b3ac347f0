/** The first page: figures with their trend, charts, the backlog, open escalations, the latest emails. */
import { z } from 'zod'
import { dayMs, hourMs, readBreakdown, readSummary, readTimeseries, type TimeBucket } from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { listEmails } from '../db/emails-read.ts'
import { listEscalations } from '../db/escalations-read.ts'
import { readInboxFigures } from '../db/events.ts'
import type { Email } from '../db/generated/client.ts'
import { readLastReconciliations } from '../db/reconciliations.ts'
import { inTime } from '../db/request-deadline.ts'
import { type Figures, figuresOf } from '../domain/figures.ts'
import type { TemporalStatus } from '../temporal/temporal-status.ts'
import { type Bucket, DeliveryTimeChart, VolumeChart } from './components/charts.tsx'
import { EmailTable } from './components/email-table.tsx'
import { FailureBreakdown, type FailureBreakdownKey, failureBreakdownKeys } from './components/failure-breakdown.tsx'
import { FigureCards } from './components/figure-cards.tsx'
import { EmptyState, PageHead } from './components/layout.tsx'
import { Backlog, OpenEscalations, TemporalAlert } from './components/overview-alerts.tsx'
import { Agreements } from './components/reconciliation.tsx'
import type { DeliveredTo } from './components/status.tsx'
import { Tabs } from './components/tabs.tsx'
import { readDeliveredTo } from './delivered-to.ts'
import { type EscalationGroup, readGroups } from './escalation-causes.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { pathWith } from './paths.ts'

interface OverviewDependencies {
  readonly db: Database
  readonly pages: PageRenderer
  readonly temporalStatus: () => TemporalStatus
  readonly clock: () => number
}

const ranges = {
  '24h': { name: '24 hours', lengthMs: dayMs, bucket: 'hour' },
  '7d': { name: '7 days', lengthMs: 7 * dayMs, bucket: 'hour' },
  '30d': { name: '30 days', lengthMs: 30 * dayMs, bucket: 'day' },
} as const satisfies Record<string, { name: string; lengthMs: number; bucket: TimeBucket }>

type RangeName = keyof typeof ranges
const rangeNames = Object.keys(ranges) as RangeName[]

const querySchema = z.object({
  range: z.enum(rangeNames).catch('24h'),
  by: z.enum(failureBreakdownKeys).catch('reason'),
})

/** Escalations of one cause are one line, so that more are read than shown. */
const [latestEmailCount, readEscalationCount, shownFailureCount] = [8, 30, 8]

interface Overview {
  readonly figures: Figures
  /** The figures of the period before, of the same length. */
  readonly before: Figures
  readonly buckets: readonly Bucket[]
  readonly failures: Awaited<ReturnType<typeof readBreakdown>>
  readonly inbox: Awaited<ReturnType<typeof readInboxFigures>>
  readonly escalations: readonly EscalationGroup[]
  readonly emails: readonly Email[]
  readonly runs: Awaited<ReturnType<typeof readLastReconciliations>>
  readonly deliveredTo: ReadonlyMap<string, DeliveredTo>
}

export function addOverviewPage(router: PageRouter, { db, pages, clock, temporalStatus }: OverviewDependencies): void {
  router.get('/', 'read', async (ctx) => {
    const { range, by } = querySchema.parse(ctx.query)
    const overview = await inTime(() => readOverview(db, range, by, clock()))
    const body = <OverviewBody {...overview} range={range} by={by} temporal={temporalStatus()} />
    await pages.show(ctx, { title: 'Overview', section: '/', live: '/live', charts: true, body })
  })
}

async function readOverview(db: Database, name: RangeName, by: FailureBreakdownKey, now: number): Promise<Overview> {
  const { lengthMs, bucket } = ranges[name]
  const bucketMs = bucket === 'hour' ? hourMs : dayMs
  const to = Math.ceil(now / bucketMs) * bucketMs
  const back = (times: number) => new Date(to - times * lengthMs)
  const [summary, before, series, failures, inbox, escalations, emails, runs] = await Promise.all([
    readSummary(db, { from: back(1), to: back(0) }, {}),
    readSummary(db, { from: back(2), to: back(1) }, {}),
    readTimeseries(db, { from: back(1), to: back(0) }, {}, bucket),
    readBreakdown(db, { from: back(1), to: back(0) }, {}, by, shownFailureCount),
    readInboxFigures(db),
    listEscalations(db, { state: 'open' }, null, readEscalationCount).then((open) => readGroups(db, open)),
    listEmails(db, {}, null, latestEmailCount),
    readLastReconciliations(db),
  ])
  const buckets = series.map(({ startsAt, tally }) => ({ startsAt, figures: figuresOf(tally) }))
  const deliveredTo = await readDeliveredTo(db, emails)
  const figures = { figures: figuresOf(summary), before: figuresOf(before) }
  return { ...figures, buckets, failures, inbox, escalations, emails, runs, deliveredTo }
}

interface OverviewBodyProps extends Overview {
  readonly range: RangeName
  readonly by: FailureBreakdownKey
  readonly temporal: TemporalStatus
}

const hrefOf = (range: RangeName, by: FailureBreakdownKey): string =>
  pathWith('/', { range: range === '24h' ? undefined : range, by: by === 'reason' ? undefined : by })

const OverviewBody = ({ range, by, temporal, ...overview }: OverviewBodyProps) => (
  <>
    <PageHead title="Overview">
      <Tabs
        label="Period"
        tabs={rangeNames.map((name) => ({
          name: ranges[name].name,
          href: hrefOf(name, by),
          isCurrent: name === range,
        }))}
      />
    </PageHead>
    <TemporalAlert status={temporal} />
    <FigureCards figures={overview.figures} before={overview.before} period={ranges[range].name} />
    <div class="columns">
      <VolumeChart buckets={overview.buckets} bucket={ranges[range].bucket} />
      <DeliveryTimeChart buckets={overview.buckets} bucket={ranges[range].bucket} />
    </div>
    <div class="columns alerts">
      <Backlog inbox={overview.inbox} />
      <OpenEscalations groups={overview.escalations} total={overview.inbox.escalationsOpen} />
    </div>
    <Agreements runs={overview.runs} />
    <FailureBreakdown by={by} parts={overview.failures} hrefOf={(other) => hrefOf(range, other)} />
    <section aria-labelledby="latest">
      <h2 id="latest">Latest emails</h2>
      {overview.emails.length > 0 ? (
        <EmailTable emails={overview.emails} deliveredTo={overview.deliveredTo} caption="The latest emails" />
      ) : (
        <EmptyState title="No emails yet">
          <a href="/setup">Set up your provider's webhooks</a>, or simulate some emails with{' '}
          <code>npx aftersend simulate</code>.
        </EmptyState>
      )}
    </section>
  </>
)
