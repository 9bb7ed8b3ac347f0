/** How things stand: figures with their trend, what waits, whom it waits for, and what came last. */
import type Router from '@koa/router'
import { z } from 'zod'
import { type Figures, figuresOf } from '../analytics/figures.ts'
import { inTime } from '../api/deadlines.ts'
import { dayMs, hourMs, readSummary, readTimeseries, type TimeBucket } from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { listEmails } from '../db/emails-read.ts'
import { listEscalations } from '../db/escalations-read.ts'
import { readInboxFigures } from '../db/events.ts'
import type { Email, Escalation } from '../db/generated/client.ts'
import { Backlog, OpenEscalations } from './attention.tsx'
import { DeliveryTimeChart, VolumeChart } from './charts.tsx'
import { EmailTable } from './email-rows.tsx'
import { FigureCards } from './figure-cards.tsx'
import { Empty, PageHead } from './layout.tsx'
import { pathWith } from './pager.tsx'
import type { Pages } from './pages.tsx'
import { Tabs } from './tabs.tsx'

interface OverviewDependencies {
  readonly db: Database
  readonly pages: Pages
  readonly clock: () => number
}

/** How far back one looks, and in what steps. */
const ranges = {
  '24h': { name: '24 hours', lengthMs: dayMs, bucket: 'hour' },
  '7d': { name: '7 days', lengthMs: 7 * dayMs, bucket: 'hour' },
  '30d': { name: '30 days', lengthMs: 30 * dayMs, bucket: 'day' },
} as const satisfies Record<string, { name: string; lengthMs: number; bucket: TimeBucket }>

type RangeName = keyof typeof ranges
const rangeNames = Object.keys(ranges) as RangeName[]

const query = z.object({ range: z.enum(rangeNames).catch('24h') })

const [latestEmails, shownEscalations] = [8, 4]

export interface Bucket {
  readonly startsAt: Date
  readonly figures: Figures
}

interface Overview {
  readonly figures: Figures
  /** Of the same length of time before. */
  readonly before: Figures
  readonly buckets: readonly Bucket[]
  readonly inbox: Awaited<ReturnType<typeof readInboxFigures>>
  readonly escalations: readonly Escalation[]
  readonly emails: readonly Email[]
}

export function addOverviewPage(router: Router, { db, pages, clock }: OverviewDependencies): void {
  router.get('/', async (ctx) => {
    const { range } = query.parse(ctx.query)
    const overview = await inTime(() => readOverview(db, range, clock()))
    const body = <OverviewBody {...overview} range={range} />
    await pages.show(ctx, { title: 'Overview', section: '/', live: '/live', charts: true, body })
  })
}

async function readOverview(db: Database, name: RangeName, now: number): Promise<Overview> {
  const { lengthMs, bucket } = ranges[name]
  const bucketMs = bucket === 'hour' ? hourMs : dayMs
  const to = Math.ceil(now / bucketMs) * bucketMs
  const back = (times: number) => new Date(to - times * lengthMs)
  const [summary, before, series, inbox, escalations, emails] = await Promise.all([
    readSummary(db, { from: back(1), to: back(0) }, {}),
    readSummary(db, { from: back(2), to: back(1) }, {}),
    readTimeseries(db, { from: back(1), to: back(0) }, {}, bucket),
    readInboxFigures(db),
    listEscalations(db, { state: 'open' }, null, shownEscalations),
    listEmails(db, {}, null, latestEmails),
  ])
  const buckets = series.map(({ startsAt, tally }) => ({ startsAt, figures: figuresOf(tally) }))
  return { figures: figuresOf(summary), before: figuresOf(before), buckets, inbox, escalations, emails }
}

const OverviewBody = ({ range, ...overview }: Overview & { range: RangeName }) => (
  <>
    <PageHead title="Overview">
      <Tabs
        label="How far back"
        tabs={rangeNames.map((name) => ({
          name: ranges[name].name,
          href: pathWith('/', { range: name === '24h' ? undefined : name }),
          isCurrent: name === range,
        }))}
      />
    </PageHead>
    <FigureCards figures={overview.figures} before={overview.before} span={ranges[range].name} />
    <div class="columns">
      <VolumeChart buckets={overview.buckets} bucket={ranges[range].bucket} />
      <DeliveryTimeChart buckets={overview.buckets} bucket={ranges[range].bucket} />
    </div>
    <div class="columns attention">
      <Backlog inbox={overview.inbox} />
      <OpenEscalations escalations={overview.escalations} total={overview.inbox.escalationsOpen} />
    </div>
    <section aria-labelledby="latest">
      <h2 id="latest">Latest emails</h2>
      {overview.emails.length > 0 ? (
        <EmailTable emails={overview.emails} caption="The latest emails" />
      ) : (
        <Empty title="No emails yet">
          <a href="/setup">Set up webhooks</a>, or play with <code>npm run simulate</code>: this page fills while you
          look.
        </Empty>
      )}
    </section>
  </>
)
