/** Charts of figures over time: drawn in the browser, with the same figures as a table. */
import type { TimeBucket } from '../../db/analytics.ts'
import type { Figures } from '../../domain/figures.ts'
import { FigureTable } from './figure-table.tsx'
import { count, duration } from './labels.ts'
import type { Tone } from './status.tsx'

export interface Bucket {
  readonly startsAt: Date
  readonly figures: Figures
}

/** A column of the table that the chart does not draw. */
interface Column {
  readonly name: string
  readonly values: readonly string[]
}

interface Series {
  readonly name: string
  readonly tone: Tone
  readonly values: readonly (number | null)[]
}

interface ChartProps {
  readonly id: string
  readonly title: string

  readonly unit: 'emails' | 'milliseconds'
  readonly buckets: readonly { readonly startsAt: Date; readonly figures: Pick<Figures, 'emails'> }[]
  readonly bucket: TimeBucket
  readonly series: readonly Series[]
  readonly columns?: readonly Column[]
}

interface BucketsProps {
  readonly buckets: readonly Bucket[]
  readonly bucket: TimeBucket
}

export const VolumeChart = ({ buckets, bucket }: BucketsProps) => (
  <Chart
    id="volume"
    title={`Emails per ${bucket}`}
    unit="emails"
    buckets={buckets}
    bucket={bucket}
    series={[
      { name: 'Sent', tone: 'active', values: buckets.map(({ figures }) => figures.sent) },
      { name: 'Delivered', tone: 'success', values: buckets.map(({ figures }) => figures.delivered) },
      { name: 'Bounced', tone: 'danger', values: buckets.map(({ figures }) => figures.hardBounces.numerator) },
      { name: 'Failed', tone: 'warning', values: buckets.map(({ figures }) => figures.failures.numerator) },
    ]}
  />
)

export const DeliveryTimeChart = ({ buckets, bucket }: BucketsProps) => (
  <Chart
    id="delivery-time"
    title="Delivery time"
    unit="milliseconds"
    buckets={buckets}
    bucket={bucket}
    series={[
      { name: '50 % within', tone: 'engaged', values: buckets.map(({ figures }) => figures.deliveryTimeMs.p50) },
      { name: '95 % within', tone: 'warning', values: buckets.map(({ figures }) => figures.deliveryTimeMs.p95) },
    ]}
  />
)

export const Chart = ({ id, title, unit, buckets, bucket, series, columns = [] }: ChartProps) => (
  <section class="card chart-card" aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    <figure
      class="chart"
      aria-hidden="true"
      data-chart={JSON.stringify({
        unit,
        times: buckets.map(({ startsAt }) => startsAt.getTime() / 1_000),
        series,
      })}
      hx-morph-skip-children
    />
    <details>
      <summary>Show as a table</summary>
      <ChartTable {...{ title, unit, buckets, bucket, series, columns }} />
    </details>
  </section>
)

/** Leaves out times without emails. */
function ChartTable({ title, unit, buckets, bucket, series, columns = [] }: Omit<ChartProps, 'id'>) {
  const rows = buckets.flatMap(({ startsAt, figures }, index) => (figures.emails > 0 ? [{ startsAt, index }] : []))
  type Row = (typeof rows)[number]
  return (
    <FigureTable
      name={{ 'aria-label': `${title} as a table` }}
      class="chart-table"
      labelName={bucket === 'hour' ? 'Hour from (UTC)' : 'Day (UTC)'}
      labelOf={({ startsAt }: Row) => <time dateTime={startsAt.toISOString()}>{labelOf(startsAt, bucket)}</time>}
      columns={[
        ...series.map(({ name, values }) => ({ name, textOf: ({ index }: Row) => cell(values[index] ?? null, unit) })),
        ...columns.map(({ name, values }) => ({ name, textOf: ({ index }: Row) => values[index] ?? '' })),
      ]}
      rows={rows}
      keyOf={({ startsAt }) => startsAt.toISOString()}
    />
  )
}

const labelOf = (at: Date, bucket: TimeBucket): string =>
  bucket === 'hour' ? at.toISOString().slice(0, 16).replace('T', ' ') : at.toISOString().slice(0, 10)

function cell(value: number | null, unit: ChartProps['unit']): string {
  if (value === null) return '–'
  return unit === 'emails' ? count(value) : duration(value)
}
