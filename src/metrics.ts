/** The metrics of /metrics. Each process has its own registry. */
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObject,
  Registry,
} from 'prom-client'
import { countCap } from './db/capped-count.ts'
import { isProviderEventType } from './domain/events.ts'

export type EventOutcome = 'received' | 'duplicate' | 'quarantined'

/**
 * What a whole mail was: a report of a delivery or of a complaint, an automatic reply, a DMARC report. `unmatched` reports name no email that is
 * known; `unreadable` mails exceed a limit.
 */
export type MailKind = 'delivery' | 'feedback' | 'automatic_reply' | 'dmarc' | 'other' | 'unmatched' | 'unreadable'

/** The metrics of a process, in a form that can be sent to another. */
export interface MetricValues {
  readonly counts: readonly MetricObject[]
  /** The metrics of Temporal's SDK in Prometheus' text format; empty without a worker. */
  readonly temporal: string
}

export const noMetrics: MetricValues = { counts: [], temporal: '' }

export interface Metrics {
  readonly registry: Registry
  /** The metrics of this process. */
  readonly values: () => Promise<MetricValues>
  /** All metrics in Prometheus' text format: Aftersend's, Node's and Temporal's, including those of the worker's process. */
  readonly scrape: () => Promise<string>
  /** Seconds from a webhook's first byte to its 200. */
  readonly webhookAckSeconds: Histogram
  /** Labels: provider, type (`unknown` for types that Aftersend does not know), outcome. */
  readonly eventsTotal: Counter<'provider' | 'type' | 'outcome'>
  /** Whole mails by what they were. */
  readonly mailsTotal: Counter<'kind'>
  /** Signals that failed; each is retried. */
  readonly signalFailuresTotal: Counter
  /** Mails by SMTP, LMTP or IMAP. Labels: intake (`smtp`, `imap`), outcome (`accepted`, `deferred`, `refused`, `skipped`). */
  readonly mailIntakeTotal: Counter<'intake' | 'outcome'>
}

/** Counts one event. Unknown types share one label, since providers could send any number of types. */
export function countEvent(
  { eventsTotal }: Pick<Metrics, 'eventsTotal'>,
  { provider, type }: { readonly provider: string; readonly type: string },
  outcome: EventOutcome,
): void {
  eventsTotal.inc({ provider, type: isProviderEventType(type) ? type : 'unknown', outcome })
}

/** Read from the database for each scrape. */
export interface InboxFigures {
  readonly pending: number
  readonly oldestSeconds: number
  readonly escalationsOpen: number
}

export interface MetricsOptions {
  /** Reads the metrics of Temporal's SDK as text; left out if it fails. Default: none. */
  readonly readTemporalMetrics?: () => Promise<string>
  /** Reads the metrics of the worker's process, if this process reports for it. */
  readonly readWorkerMetrics?: () => Promise<MetricValues>
  /** For Node's own metrics. Default none. */
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * @param readFigures called once per scrape; if it fails, the gauges are left out. Null: another process reports them.
 */
export function createMetrics(
  readFigures: (() => Promise<InboxFigures>) | null,
  { readTemporalMetrics = async () => '', readWorkerMetrics = async () => noMetrics, labels = {} }: MetricsOptions = {},
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, labels })
  const registers = [registry]
  if (readFigures) addInboxGauges(registers, readFigures)
  const values = async (): Promise<MetricValues> => {
    const [counts, temporal] = await Promise.all([registry.getMetricsAsJSON(), readTemporalMetrics().catch(() => '')])
    return { counts: counts as unknown as MetricObject[], temporal }
  }
  return {
    registry,
    values,
    async scrape() {
      const [own, worker] = await Promise.all([values(), readWorkerMetrics().catch(() => noMetrics)])
      const counts = await merged(own.counts, worker.counts).metrics()
      return [counts, own.temporal, worker.temporal].filter(Boolean).join('\n')
    },
    webhookAckSeconds: new Histogram({
      name: 'aftersend_webhook_ack_seconds',
      help: 'Seconds from the first byte of a genuine webhook to its acknowledgement',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
      registers,
    }),
    eventsTotal: new Counter({
      name: 'aftersend_events_total',
      help: 'Events by outcome',
      labelNames: ['provider', 'type', 'outcome'],
      registers,
    }),
    mailsTotal: new Counter({
      name: 'aftersend_mails_total',
      help: 'Whole mails that were received, by what they were',
      labelNames: ['kind'],
      registers,
    }),
    signalFailuresTotal: new Counter({
      name: 'aftersend_signal_failures_total',
      help: 'Signals that failed; each is retried',
      registers,
    }),
    mailIntakeTotal: new Counter({
      name: 'aftersend_mail_intake_total',
      help: 'Mails by SMTP or LMTP, or from mailboxes, by outcome',
      labelNames: ['intake', 'outcome'],
      registers,
    }),
  }
}

/** Adds up metrics with the same name and labels. */
function merged(...processes: readonly (readonly MetricObject[])[]): Registry {
  // The library would omit what cannot be added up, such as start times; the labels of our processes differ.
  const all = processes.map((counts) =>
    counts.map((count) => (count.aggregator === 'omit' ? { ...count, aggregator: 'first' as const } : count)),
  )
  return AggregatorRegistry.aggregate(all)
}

function addInboxGauges(registers: Registry[], readFigures: () => Promise<InboxFigures>): void {
  // All gauges of a scrape share one read, since they are collected together.
  let reading: Promise<InboxFigures | null> | null = null
  const read = () => {
    reading ??= readFigures()
      .catch(() => null)
      .finally(() => {
        reading = null
      })
    return reading
  }
  const gauge = (name: string, help: string, figure: (figures: InboxFigures) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const figures = await read()
        if (figures) this.set(figure(figures))
        else this.remove()
      },
    })
  gauge(
    'aftersend_inbox_pending',
    `Acknowledged events that are not applied yet; ${countCap} says that many or more`,
    ({ pending }) => pending,
  )
  gauge(
    'aftersend_inbox_oldest_seconds',
    'Age of the oldest acknowledged event that is not applied yet',
    ({ oldestSeconds }) => oldestSeconds,
  )
  gauge(
    'aftersend_escalations_open',
    `Escalations that are not resolved; ${countCap} says that many or more`,
    ({ escalationsOpen }) => escalationsOpen,
  )
}
