/** What the HTTP API depends on, and what it does without. */
import type Router from '@koa/router'
import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { Dns } from '../domains/dns.ts'
import type { AddressGuard } from '../endpoints/address-guard.ts'
import type { Deadlines } from '../http/deadlines.ts'
import type { EventStreams } from '../http/event-streams.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { ReceiveMail } from '../mail/receive-mail.ts'
import type { Metrics } from '../metrics.ts'
import type { ProviderEntry, WebhookSource } from '../providers/provider.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import type { EndpointWorkflows } from '../temporal/endpoints.ts'
import type { Reconciliations } from '../temporal/reconciliations.ts'
import type { TemporalStatus } from '../temporal/temporal-status.ts'
import type { WebhookCounts } from '../webhooks/webhook-counts.ts'
import type { TeamChannel } from './channels.ts'
import type { ProjectAccess } from './project-parts.ts'
import type { SlackApp } from './slack-interactions.ts'

export interface ApiDependencies {
  /** For reads by people and programs: see `readPool`. */
  readonly db: Database
  /** For requests that an application makes as it sends, and for readiness: see `receiptPool`. Default `db`. */
  readonly receiptDb?: Database
  readonly inbox: Inbox
  readonly emailWorkflows: EmailWorkflows
  /** By the path after `/webhooks/`: a provider, or a provider and an account. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** The senders of MAPPINGS_FILE. Default: none. */
  readonly mappedProviders?: readonly ProviderEntry[]
  /** Default: emails are found by Message-ID alone, and DMARC reports are not stored. */
  readonly receiveMail?: ReceiveMail
  /** The providers to send through, by name; the first is the default. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  /** Default: none can be started. */
  readonly reconciliations?: Reconciliations
  /** Default: none can be started. */
  readonly endpointWorkflows?: EndpointWorkflows
  /** Where webhooks may be sent to. Default: public addresses, by https. */
  readonly endpointGuard?: Pick<AddressGuard, 'checkedUrl'>
  /** Asked for what sending domains publish. Default: DNS is not asked. */
  readonly dns?: Dns
  /** Keys of the environment for `/v1`, which allow everything. */
  readonly apiKeys: readonly string[]
  /** Keys for `/metrics` only, besides the API keys. Default none. */
  readonly metricsKeys?: readonly string[]
  /** See `clientAddressOf`. Default 1. */
  readonly proxyHops?: number
  /** The source of live streams. */
  readonly changes: ChangeFeed
  /** Open streams, ended when the API closes. Default: at most 500 of its own. */
  readonly streams?: EventStreams
  /** Counts webhooks, for the alarms. */
  readonly webhookCounts?: Pick<WebhookCounts, 'count'>
  readonly metrics: Metrics
  /** Whether Temporal accepts signals. Default: it does. */
  readonly temporalStatus?: () => TemporalStatus
  /** Whether this process's worker polls, reported by readiness. Null, the default: it has none. */
  readonly isWorking?: (() => boolean) | null
  /** One of CHANNELS each. Default: none. */
  readonly teamChannels?: readonly TeamChannel[]
  /** The Slack apps whose buttons are answered. Default: none. */
  readonly slackApps?: readonly SlackApp[]
  /** Null: no dashboard is served. */
  readonly dashboard?: Router | null
  /** Null, the default: there is one project. */
  readonly projects?: ProjectAccess | null
  /** Runs first on every request, webhooks included. Default none. */
  readonly onRequest?: Middleware | null
  readonly log: Logger
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
  /** For receipt times. Default `clock`. */
  readonly receiptClock?: () => number
  /** See {@link limitBodiesInFlight}. */
  readonly maxBodyBytes?: number
  /** Default {@link defaultDeadlines}. */
  readonly deadlines?: Partial<Deadlines>
}
