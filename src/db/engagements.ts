/** Statements of the second look at opens and clicks: which emails are to be looked at, and what was found. */
import type { MachineReason } from '../domain/engagement-policy.ts'
import type { EmailKey } from '../domain/events.ts'
import { type ChangePlace, currentPlace, isKeptSince } from './changes.ts'
import type { Database } from './database.ts'

/** Sees nothing: everything in the log was committed after it. */
const beginning: ChangePlace = '1:1:'

/** From where to where the log is to be looked through: all that it holds, at first and in a restored database. */
export async function readJudgedPlace(db: Database): Promise<{ since: ChangePlace; until: ChangePlace }> {
  const until = await currentPlace(db)
  const state = await db.analyticsState.findUnique({ where: { id: 1 }, select: { judgedPlace: true } })
  const since = state?.judgedPlace ?? beginning
  return { since: (await isKeptSince(db, since)) ? since : beginning, until }
}

export const writeJudgedPlace = (db: Database, place: ChangePlace): Promise<unknown> =>
  db.analyticsState.update({ where: { id: 1 }, data: { judgedPlace: place } })

/** An open or click of an email that changed. */
export interface ChangedEngagement extends EmailKey {
  readonly deliveredAt: Date | null
  readonly id: string
  readonly type: 'opened' | 'clicked'
  readonly occurredAt: Date
  readonly human: boolean
  readonly payload: string
  readonly machineReason: MachineReason | null
}

/** All applied opens and clicks of some emails. Indexes: emails_pkey, events_email_id_provider_idx. */
export const readEngagements = (
  db: Database,
  emails: readonly EmailKey[],
): Promise<ChangedEngagement[]> => db.$queryRaw`
  SELECT emails.provider, emails.id AS "emailId", emails.delivered_at AS "deliveredAt", events.event_id AS id, events.type,
         events.occurred_at AS "occurredAt", events.human, events.payload::text AS payload,
         events.machine_reason AS "machineReason"
  FROM unnest(${emails.map(({ provider }) => provider)}::text[], ${emails.map(({ emailId }) => emailId)}::text[])
         AS given(provider, email_id)
  JOIN emails ON emails.id = given.email_id AND emails.provider = given.provider
  JOIN events ON events.email_id = emails.id AND events.provider = emails.provider
    AND events.received_at >= coalesce(emails.first_received_at - interval '1 day', '-infinity')
  WHERE events.type IN ('opened', 'clicked') AND events.applied_at IS NOT NULL`

export interface EngagementVerdict {
  readonly provider: string
  readonly id: string
  readonly reason: MachineReason | null
}

export interface JudgedEmail extends EmailKey {
  readonly opens: number
  readonly clicks: number
}

/** Stores what was found, and touches no row that says it already. Indexes: events_pkey, emails_pkey. */
export async function writeVerdicts(
  db: Database,
  verdicts: readonly EngagementVerdict[],
  emails: readonly JudgedEmail[],
): Promise<void> {
  const changedVerdicts = db.$executeRaw`
    UPDATE events SET machine_reason = judged.reason
    FROM unnest(${verdicts.map(({ provider }) => provider)}::text[], ${verdicts.map(({ id }) => id)}::text[],
                ${verdicts.map(({ reason }) => reason)}::text[]) AS judged(provider, event_id, reason)
    WHERE events.provider = judged.provider AND events.event_id = judged.event_id
      AND events.machine_reason IS DISTINCT FROM judged.reason`
  const changedEmails = db.$executeRaw`
    UPDATE emails SET opens_judged_machine = judged.opens, clicks_judged_machine = judged.clicks
    FROM unnest(${emails.map(({ provider }) => provider)}::text[], ${emails.map(({ emailId }) => emailId)}::text[],
                ${emails.map(({ opens }) => opens)}::int[], ${emails.map(({ clicks }) => clicks)}::int[])
           AS judged(provider, email_id, opens, clicks)
    WHERE emails.id = judged.email_id AND emails.provider = judged.provider
      AND (opens_judged_machine, clicks_judged_machine) IS DISTINCT FROM (judged.opens, judged.clicks)`
  await db.$transaction([changedVerdicts, changedEmails])
}
