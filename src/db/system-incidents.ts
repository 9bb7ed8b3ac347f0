/** Statements on incidents of the system itself, which the API starts and ends without Temporal. */
import type { Escalation } from '../domain/escalation.ts'
import { incidentKeyOf, recovered, type SystemReason, systemReasons, systemScope } from '../domain/incident.ts'
import type { Database } from './database.ts'
import { isoOrNull } from './epoch-ms.ts'
import { escalationIdOf } from './escalations.ts'
import { Prisma } from './generated/client.ts'

/** Their escalations. The provider is a literal, since the partial index needs it in the plan. Index: escalations_of_incidents. */
const ofSystem = Prisma.sql`escalations.provider = 'aftersend' AND escalations.reason = ANY(${[...systemReasons]}::text[])`

/**
 * Starts an incident and stores its escalation, once for any number of instances. Does nothing while the incident is ongoing, even
 * if a person has resolved its escalation.
 * @param episode identifies this occurrence.
 * @returns whether it was started. Indexes: system_incidents_pkey, escalations_of_incidents.
 */
export async function startSystemIncident(db: Database, episode: string, escalation: Escalation): Promise<boolean> {
  const { reason, detail } = escalation
  const email = incidentKeyOf(systemScope, episode)
  const started = await db.$executeRaw`
    WITH started AS (
      UPDATE system_incidents SET over_at = NULL, seen_at = now() WHERE reason = ${reason} AND over_at IS NOT NULL
      RETURNING reason
    )
    INSERT INTO escalations (id, provider, email_id, reason, state, detail, opened_at, notices, next_notice_at)
    SELECT ${escalationIdOf(email, reason)}, ${email.provider}, ${email.emailId}, reason, ${escalation.state}, ${detail},
           ${isoOrNull(escalation.openedAt)}::timestamptz, ${escalation.notices}, ${isoOrNull(escalation.nextNoticeAt)}::timestamptz
    FROM started ON CONFLICT DO NOTHING`
  return started > 0
}

/** Records that this instance still observes these incidents. Index: system_incidents_pkey. */
export const confirmSystemIncidents = (
  db: Database,
  reasons: readonly SystemReason[],
): Promise<number> => db.$executeRaw`
  UPDATE system_incidents SET seen_at = now() WHERE reason = ANY(${[...reasons]}::text[]) AND over_at IS NULL`

/**
 * Adopts the unresolved escalations that a workflow of an earlier release has opened. Indexes: system_incidents_pkey,
 * escalations_of_incidents.
 */
export const adoptSystemIncidents = (db: Database): Promise<number> => db.$executeRaw`
  UPDATE system_incidents AS known SET over_at = NULL, seen_at = now()
  WHERE over_at IS NOT NULL AND reason IN (SELECT reason FROM escalations WHERE ${ofSystem} AND state <> 'resolved')`

/**
 * Ends the incidents that no instance has observed for `quietMs`, and resolves their escalations.
 * @param seen incidents that the caller observes now, which are not ended.
 * @returns the number of resolved escalations. Indexes: system_incidents_pkey, escalations_of_incidents.
 */
export const endSystemIncidents = (
  db: Database,
  quietMs: number,
  seen: readonly SystemReason[],
): Promise<number> => db.$executeRaw`
  WITH over AS (
    UPDATE system_incidents SET over_at = now()
    WHERE over_at IS NULL AND reason <> ALL(${[...seen]}::text[])
      AND coalesce(seen_at, '-infinity') < now() - ${quietMs} * interval '1 ms' RETURNING reason
  )
  UPDATE escalations SET state = 'resolved', resolved_at = now(), resolved_by = ${recovered}, snoozed_until = NULL,
    next_notice_at = NULL, version = version + 1
  FROM over WHERE ${ofSystem} AND escalations.reason = over.reason AND state <> 'resolved'`

/**
 * Makes a further notice due: the last one of an open escalation, or the end of a snooze.
 * @returns the number of notices. Index: escalations_of_incidents.
 */
export const repeatSystemNotices = (db: Database): Promise<number> => db.$executeRaw`
  UPDATE escalations SET state = 'open', snoozed_until = NULL, notices = notices + 1, next_notice_at = NULL,
    version = version + 1
  WHERE ${ofSystem} AND state <> 'resolved' AND next_notice_at <= now()`

/** A notice that a channel has not accepted yet. */
export interface DueNotice {
  readonly escalationId: string
  readonly reason: SystemReason
  readonly notice: number
  readonly channel: string
}

/** The notice of a resolved escalation is still sent for this long, to channels that have not accepted it. */
const noticeDays = 3

/** The notices that these channels have not accepted. Indexes: escalations_of_incidents, notifications_pkey. */
export const readDueNotices = (db: Database, channels: readonly string[]): Promise<DueNotice[]> => db.$queryRaw`
  SELECT escalations.id AS "escalationId", reason, notices AS notice, channels.channel
  FROM escalations CROSS JOIN unnest(${[...channels]}::text[]) AS channels(channel)
  WHERE ${ofSystem} AND (state <> 'resolved' OR opened_at > now() - ${noticeDays} * interval '1 day')
    AND NOT EXISTS (SELECT FROM notifications AS accepted
                    WHERE accepted.escalation_id = escalations.id AND accepted.notice = notices AND accepted.channel = channels.channel)
  ORDER BY opened_at, channels.channel`

/**
 * Claims an incident's notices for this instance.
 * @returns whether it may send them; otherwise another instance does. Index: system_incidents_pkey.
 */
export const claimNotices = async (db: Database, reason: SystemReason, leaseMs: number): Promise<boolean> =>
  (await db.$executeRaw`
    UPDATE system_incidents SET lease_until = now() + ${leaseMs} * interval '1 ms'
    WHERE reason = ${reason} AND (lease_until IS NULL OR lease_until <= now())`) > 0

/** Index: system_incidents_pkey. */
export const releaseNotices = (db: Database, reason: SystemReason): Promise<number> => db.$executeRaw`
  UPDATE system_incidents SET lease_until = NULL WHERE reason = ${reason}`

/**
 * Claims a costly measurement, which one instance makes for all.
 * @returns whether `everyMs` have passed since the last one. Index: system_incidents_pkey.
 */
export const claimMeasurement = async (db: Database, reason: SystemReason, everyMs: number): Promise<boolean> =>
  (await db.$executeRaw`
    UPDATE system_incidents SET measured_at = now()
    WHERE reason = ${reason} AND coalesce(measured_at, '-infinity') <= now() - ${everyMs} * interval '1 ms'`) > 0
