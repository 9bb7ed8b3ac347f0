import { activityInfo } from '@temporalio/activity'
import type { Tally } from '../analytics/figures.ts'
import { readBreakdown } from '../db/analytics.ts'
import type { Database } from '../db/database.ts'
import { readEscalations, writeEscalation } from '../db/escalations.ts'
import { readInboxFigures } from '../db/events.ts'
import { readIncidents, type StoredIncident } from '../db/incidents.ts'
import { readProviderTraffic } from '../db/webhook-minutes.ts'
import { resolveEscalation } from '../domain/escalation.ts'
import { type Incident, incidentKeyOf, recovered } from '../domain/incident.ts'
import {
  type AlarmFigures,
  type AlarmPolicy,
  findingsOf,
  rateWindowMs,
  signatureWindowMs,
} from '../domain/rate-policy.ts'
import type { Incidents } from '../temporal/incidents.ts'
import { onDatabase } from './database-failure.ts'
import type { RecurringActivities } from './recurring-activities.ts'

export interface WatchDependencies {
  readonly db: Database
  readonly alarms: AlarmPolicy
  readonly incidents: Incidents
}

type WatchActivities = Pick<RecurringActivities, 'watchForIncidents'>

/** Tags of fewer emails than these are not looked at; as many as an answer can hold. */
const mostValues = 500

export const createWatchActivities = ({ db, alarms, incidents }: WatchDependencies): WatchActivities => ({
  async watchForIncidents() {
    const now = activityInfo().scheduledTimestampMs
    const [figures, stored] = await onDatabase('FiguresUnreadable', () =>
      Promise.all([readAlarmFigures(db, now), readIncidents(db)]),
    )
    const findings = new Map(findingsOf(figures, alarms).map((finding) => [nameOf(finding), finding]))
    const unresolved = new Set(stored.filter(({ isResolved }) => !isResolved).map(nameOf))
    const raised = [...findings].filter(([name, { level }]) => level === 'raised' && !unresolved.has(name))
    for (const [, finding] of raised) await incidents.raise(finding, new Date(now).toISOString(), finding.detail)
    // What is not measured any more (a tag that nothing is sent with) is over too.
    const over = stored.filter((incident) => (findings.get(nameOf(incident))?.level ?? 'clear') === 'clear')
    for (const incident of over) await clear(db, incidents, incident, now)
    return { raised: raised.map(([name]) => name), cleared: over.map(nameOf) }
  },
})

const nameOf = ({ reason, scope }: Incident): string => `${reason} ${scope}`

async function readAlarmFigures(db: Database, now: number): Promise<AlarmFigures> {
  const hourMs = 3_600_000
  const to = Math.ceil(now / hourMs) * hourMs
  const range = { from: new Date(to - rateWindowMs), to: new Date(to) }
  const providers = await readBreakdown(db, range, {}, 'provider', mostValues)
  const tags = await readBreakdown(db, range, {}, 'tag', mostValues)
  const { oldestSeconds } = await readInboxFigures(db)
  return {
    rates: [
      ...providers.map(({ value, tally }) => ratedOf(`provider:${value}`, tally)),
      // A tag enters the workflow's ID, and no address may.
      ...tags.filter(({ value }) => !value.includes('@')).map(({ value, tally }) => ratedOf(`tag:${value}`, tally)),
    ],
    oldestWaitingMs: oldestSeconds * 1_000,
    providers: await readProviderTraffic(db, signatureWindowMs),
  }
}

const ratedOf = (scope: string, { sent, delivered, hardBounced, complained }: Tally) => ({
  scope,
  sent,
  delivered,
  hardBounced,
  complained,
})

/** Its workflow does it; where that was lost with Temporal's data, nobody else writes the escalation. */
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
