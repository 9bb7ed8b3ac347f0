import { activityInfo } from '@temporalio/activity'
import { readBreakdown } from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { readFailedEndpoints } from '../db/endpoints.ts'
import { readEscalations, writeEscalation } from '../db/escalations.ts'
import { readIncidents, type StoredIncident } from '../db/incidents.ts'
import { readFailingMailboxes } from '../db/mailboxes.ts'
import { readRefusals } from '../db/refusals.ts'
import { type ProviderTraffic, readProviderTraffic } from '../db/webhook-minutes.ts'
import { endpointFindings } from '../domain/endpoint-policy.ts'
import { resolveEscalation } from '../domain/escalation.ts'
import type { Tally } from '../domain/figures.ts'
import { type Incident, incidentKeyOf, isSystemReason, recovered } from '../domain/incident.ts'
import { mailboxFindings } from '../domain/mailbox-policy.ts'
import { type AlarmFigures, findingsOf, rateWindowMs, signatureWindowMs } from '../domain/rate-policy.ts'
import { refusalFindings, refusalWindowMs } from '../domain/refusal-policy.ts'
import { isBounceMail } from '../providers/registry.ts'
import { onDatabase } from './database-failure.ts'
import type { Incidents, WatchDependencies } from './dependencies.ts'
import type { ScheduledActivities } from './scheduled-activities.ts'

type WatchActivities = Pick<ScheduledActivities, 'watchForIncidents'>

/** Only the providers and tags with the most emails are checked, up to this many of each. */
const maxValues = 500

export const createWatchActivities = ({
  db,
  alarms,
  incidents,
  channels,
  startReconcile,
}: WatchDependencies): WatchActivities => ({
  async watchForIncidents() {
    const now = activityInfo().scheduledTimestampMs
    const [figures, refusals, failedEndpoints, failingMailboxes, known] = await onDatabase('FiguresUnreadable', () =>
      Promise.all([
        readAlarmFigures(db, now),
        readRefusals(db, new Date(now - refusalWindowMs), Math.ceil(alarms.minimumRefusals / 2)),
        readFailedEndpoints(db),
        readFailingMailboxes(db),
        readIncidents(db, channels),
      ]),
    )
    // Incidents of the system are the API's. It continues those that a workflow of release 0.3 has started.
    for (const incident of known.filter(({ reason }) => reason === 'backlog')) await incidents.terminate(incident)
    const stored = known.filter(({ reason }) => !isSystemReason(reason))
    // A notice is overdue: Temporal has lost the workflow, or a channel is unavailable.
    for (const incident of stored.filter(({ isOverdue }) => isOverdue))
      await incidents.ensureStarted(incident, incident.episode)
    const measured = [
      ...findingsOf(figures, alarms),
      ...refusalFindings(refusals, alarms),
      ...endpointFindings(failedEndpoints),
      ...mailboxFindings(failingMailboxes, now),
    ]
    const findings = new Map(measured.map((finding) => [nameOf(finding), finding]))
    const unresolved = new Set(stored.filter(({ isResolved }) => !isResolved).map(nameOf))
    const raised = [...findings].filter(([name, { level }]) => level === 'raised' && !unresolved.has(name))
    for (const [, finding] of raised) {
      await incidents.raise(finding, new Date(now).toISOString(), finding.detail)
      // What its webhooks have not reported, the provider is asked for at once.
      if (finding.reason === 'silence') await startReconcile(providerOf(finding.scope))
    }
    // An incident whose scope is not measured any more, such as an unused tag, has ended too.
    const ended = stored.filter((incident) => (findings.get(nameOf(incident))?.level ?? 'clear') === 'clear')
    for (const incident of ended) await clear(db, incidents, incident, now)
    return { raised: raised.map(([name]) => name), cleared: ended.map(nameOf) }
  },
})

const providerOf = (scope: string): string => scope.replace(/^provider:/, '')

const nameOf = ({ reason, scope }: Incident): string => `${reason} ${scope}`

async function readAlarmFigures(db: Database, now: number): Promise<AlarmFigures> {
  const hourMs = 3_600_000
  const to = Math.ceil(now / hourMs) * hourMs
  const range = { from: new Date(to - rateWindowMs), to: new Date(to) }
  const providers = await readBreakdown(db, range, {}, 'provider', maxValues)
  const tags = await readBreakdown(db, range, {}, 'tag', maxValues)
  return {
    rates: [
      ...providers.map(({ value, tally }) => ratedOf(`provider:${value}`, tally)),
      // The tag becomes part of a workflow ID, which must not contain an address.
      ...tags.filter(({ value }) => !value.includes('@')).map(({ value, tally }) => ratedOf(`tag:${value}`, tally)),
    ],
    providers: (await readProviderTraffic(db, signatureWindowMs)).map(withUsualSilence),
  }
}

/** Bounce mail is silent while nothing fails. */
const withUsualSilence = (traffic: ProviderTraffic): ProviderTraffic =>
  isBounceMail(traffic.provider) ? { ...traffic, silentForMs: 0 } : traffic

const ratedOf = (scope: string, { sent, delivered, hardBounced, complained }: Tally) => ({
  scope,
  sent,
  delivered,
  hardBounced,
  complained,
})

/** The incident's workflow resolves the escalation. If Temporal has lost the workflow, this does. */
async function clear(db: Database, incidents: Incidents, incident: StoredIncident, now: number): Promise<void> {
  if ((await incidents.clear(incident)) || incident.isResolved) return
  const key = incidentKeyOf(incident.scope, incident.episode)
  await onDatabase('EscalationRejected', async () => {
    for (const escalation of await readEscalations(db, key)) {
      if (escalation.reason === incident.reason && escalation.state !== 'resolved') {
        await writeEscalation(db, key, resolveEscalation(escalation, recovered, now))
      }
    }
  })
}
