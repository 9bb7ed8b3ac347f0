/** The dependencies of the activities, as small interfaces. */
import type { Database } from '../db/database.ts'
import type { EmailKey } from '../domain/events.ts'
import type { Incident } from '../domain/incident.ts'
import type { AlarmPolicy } from '../domain/rate-policy.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { Metrics } from '../metrics.ts'
import type { SupportChannel } from '../notifications/channel.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import type { MailServers } from './mail-servers.ts'

/** Of the email and incident workflows' activities. */
export interface ActivityDependencies {
  readonly db: Database
  /** Where notices are sent; at least one channel. */
  readonly channels: readonly SupportChannel[]
  /** The providers whose API answers questions about an email, by name. */
  readonly providerApis: ReadonlyMap<string, Pick<ProviderApi, 'fetchEvents'>>
  readonly metrics: Pick<Metrics, 'eventsTotal'>
  /** Called after an email or an escalation was stored. */
  readonly onChange?: () => void
}

/** The workflows of incidents: one Temporal workflow for each reason and scope. */
export interface Incidents {
  /** Starts an incident, or continues the one that lasts. The first call of an episode opens its escalation. */
  raise(incident: Incident, episode: string, detail: string): Promise<void>
  /**
   * Starts the incident's workflow if none is running; it continues from the stored state.
   * @returns whether it was started.
   */
  ensureStarted(incident: Incident, episode: string): Promise<boolean>
  /**
   * Ends an incident: its workflow resolves the escalation.
   * @returns false if no workflow is running; the caller then resolves the escalation.
   */
  clear(incident: Incident): Promise<boolean>
  /** Terminates the incident's workflow, if one is running. The stored escalation stays as it is. */
  terminate(incident: Incident): Promise<void>
}

export interface WatchDependencies {
  readonly db: Database
  readonly alarms: AlarmPolicy
  readonly incidents: Incidents
  /** The names of the notice channels. */
  readonly channels: readonly string[]
  /** See {@link ReconcileDependencies.startReconcile}. */
  readonly startReconcile: (provider: string) => Promise<boolean>
}

/** How long data is stored, in milliseconds. */
export interface Retention {
  /** The JSON of events. */
  readonly payloadsAfterMs: number
  /** Addresses and subjects. */
  readonly addressesAfterMs: number
  /** Events; null: they are never dropped. */
  readonly keptForMs: number | null
}

/** Of the scheduled jobs' activities. */
export interface ScheduledDependencies extends WatchDependencies {
  readonly emailWorkflows: {
    /** Starts the email's workflow if none is running. @returns whether it was started. */
    ensureStarted(email: EmailKey, recipientDomain: string | null): Promise<boolean>
  }
  readonly endpointWorkflows: {
    /** Starts the endpoint's workflow if none is running. @returns whether it was started. */
    ensureStarted(endpointId: string): Promise<boolean>
  }
  /** Who receives the email of a domain; null: DNS is not asked. */
  readonly mailServers: MailServers | null
  /** Of this process's configuration: whoever reaches Temporal can start the workflow that erases, but not say what. */
  readonly retention: Retention
  /** The deadlines that make an email overdue. */
  readonly policy: LifecyclePolicy
}

/** Of the activities that reconcile with providers. */
export interface ReconcileDependencies {
  readonly db: Database
  /** By the provider's name as it is stored. */
  readonly providerApis: ReadonlyMap<string, Pick<ProviderApi, 'history' | 'suppressionLists'>>
  /** Starts the provider's workflow if none is running. @returns whether it was started. */
  readonly startReconcile: (provider: string) => Promise<boolean>
  /** Epoch milliseconds. */
  readonly clock: () => number
}
