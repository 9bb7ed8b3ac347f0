/** Everything that /metrics says, by name. One registry per process, passed in. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { isProviderEventType } from './domain/events.ts'

/** What became of an event. */
export type EventOutcome = 'received' | 'duplicate' | 'quarantined'

export interface Metrics {
  readonly registry: Registry
  /** Everything in Prometheus' text format: ours, Node's, and Temporal's where a worker runs. */
  readonly scrape: () => Promise<string>
  /** Seconds from a webhook's first byte to its 200. */
  readonly webhookAckSeconds: Histogram
  /** Labels: provider, type (`unknown` for types we have no meaning for), outcome. */
  readonly eventsTotal: Counter<'provider' | 'type' | 'outcome'>
  /** Signals that Temporal did not take, each to be tried again. */
  readonly signalFailuresTotal: Counter
}

/** Counts one event. Types that we have no meaning for are counted as one: a provider's words would be labels without end. */
export function countEvent(
  { eventsTotal }: Pick<Metrics, 'eventsTotal'>,
  { provider, type }: { readonly provider: string; readonly type: string },
  outcome: EventOutcome,
): void {
  eventsTotal.inc({ provider, type: isProviderEventType(type) ? type : 'unknown', outcome })
}

/** What is counted in the database when somebody asks. */
export interface InboxFigures {
  readonly pending: number
  readonly oldestSeconds: number
  readonly escalationsOpen: number
}

/**
 * @param readFigures called once per scrape; when it fails, the gauges are left out rather than guessed.
 * @param readTemporalMetrics what Temporal's SDK counts, as text; when it fails, that is left out. Default nothing.
 */
export function createMetrics(
  readFigures: () => Promise<InboxFigures>,
  readTemporalMetrics: () => Promise<string> = async () => '',
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  addInboxGauges(registers, readFigures)
  return {
    registry,
    async scrape() {
      const texts = await Promise.all([registry.metrics(), readTemporalMetrics().catch(() => '')])
      return texts.filter(Boolean).join('\n')
    },
    webhookAckSeconds: new Histogram({
      name: 'aftersend_webhook_ack_seconds',
      help: 'Seconds from the first byte of a genuine webhook to its acknowledgement',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
      registers,
    }),
    eventsTotal: new Counter({
      name: 'aftersend_events_total',
      help: 'Events by what became of them',
      labelNames: ['provider', 'type', 'outcome'],
      registers,
    }),
    signalFailuresTotal: new Counter({
      name: 'aftersend_signal_failures_total',
      help: 'Signals that Temporal did not take; each is tried again',
      registers,
    }),
  }
}

function addInboxGauges(registers: Registry[], readFigures: () => Promise<InboxFigures>): void {
  // One read serves all gauges of a scrape: they are collected at the same moment.
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
  gauge('aftersend_inbox_pending', 'Acknowledged events that are not applied yet', ({ pending }) => pending)
  gauge(
    'aftersend_inbox_oldest_seconds',
    'Age of the oldest acknowledged event that is not applied yet',
    ({ oldestSeconds }) => oldestSeconds,
  )
  gauge('aftersend_escalations_open', 'Escalations that nobody has resolved', ({ escalationsOpen }) => escalationsOpen)
}
