/** Charts of figures over time: drawn in the browser, with the same figures as a table. */
import type { TimeBucket } from '../../db/analytics.ts'
import type { Figures } from '../../domain/figures.ts'
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
const ChartTable = ({ title, unit, buckets, bucket, series, columns = [] }: Omit<ChartProps, 'id'>) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <section class="table-frame chart-table" tabIndex={0} aria-label={`${title} as a table`}>
    <table>
      <thead>
        <tr>
          <th scope="col">{bucket === 'hour' ? 'Hour from (UTC)' : 'Day (UTC)'}</th>
          {[...series, ...columns].map(({ name }) => (
            <th key={name} scope="col" class="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {buckets.map(
          ({ startsAt, figures }, index) =>
            figures.emails > 0 && (
              <tr key={startsAt.getTime()}>
                <td>
                  <time dateTime={startsAt.toISOString()}>{labelOf(startsAt, bucket)}</time>
                </td>
                {series.map(({ name, values }) => (
                  <td key={name} class="number">
                    {cell(values[index] ?? null, unit)}
                  </td>
                ))}
                {columns.map(({ name, values }) => (
                  <td key={name} class="number">
                    {values[index]}
                  </td>
                ))}
              </tr>
            ),
        )}
      </tbody>
    </table>
  </section>
)

const labelOf = (at: Date, bucket: TimeBucket): string =>
  bucket === 'hour' ? at.toISOString().slice(0, 16).replace('T', ' ') : at.toISOString().slice(0, 10)

function cell(value: number | null, unit: ChartProps['unit']): string {
  if (value === null) return '–'
  return unit === 'emails' ? count(value) : duration(value)
}
