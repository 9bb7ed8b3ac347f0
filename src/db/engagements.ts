/** Statements that judge opens and clicks: they read the changed emails and write the verdicts. */
import type { MachineReason } from '../domain/engagement-policy.ts'
import type { EmailKey } from '../domain/events.ts'
import { type ChangeCursor, changesBetween, currentCursor, isRetainedSince, type LogPosition } from './changes.ts'
import type { Database } from './database.ts'

/** The cursor before the first change. */
const logStartCursor: ChangeCursor = '1:1:'

/** The part of the log to judge: all of it at first and in a restored database. */
export async function readJudgeCursor(db: Database): Promise<{ since: ChangeCursor; until: ChangeCursor }> {
  const until = await currentCursor(db)
  const state = await db.analyticsState.findUnique({ where: { id: 1 }, select: { judgedPlace: true } })
  const since = state?.judgedPlace ?? logStartCursor
  return { since: (await isRetainedSince(db, since)) ? since : logStartCursor, until }
}

export const writeJudgeCursor = (db: Database, cursor: ChangeCursor): Promise<unknown> =>
  db.analyticsState.update({ where: { id: 1 }, data: { judgedPlace: cursor } })

/**
 * The next changes between two cursors, in the order of their transactions; `isEngaged` if the email was ever opened or clicked.
 * Indexes: email_changes_pkey, emails_pkey.
 */
export const readChangedAfter = (
  db: Database,
  { since, until }: { readonly since: ChangeCursor; readonly until: ChangeCursor },
  after: LogPosition,
  limit: number,
): Promise<(LogPosition & { isEngaged: boolean })[]> => db.$queryRaw`
  SELECT txid::text, provider, email_id AS "emailId", coalesce(
    (SELECT opens_total + clicks_total > 0 FROM emails
     WHERE emails.id = changes.email_id AND emails.provider = changes.provider), false) AS "isEngaged"
  FROM (${changesBetween(since, until, after, limit)}) AS changes
  ORDER BY changes.txid, provider, email_id`

/**
 * The cursor to store when all changes up to `until` before this position were judged: not later than the first transaction that
 * was open at `until`.
 */
export const cursorAt = ({ txid }: LogPosition, until: ChangeCursor): ChangeCursor => {
  const [firstOpen = '1'] = until.split(':')
  const judgedBelow = BigInt(txid) < BigInt(firstOpen) ? txid : firstOpen
  return `${judgedBelow}:${judgedBelow}:`
}

/** An open or click of a changed email, with the last verdict. */
export interface ChangedEngagement extends EmailKey {
  readonly deliveredAt: Date | null
  readonly opensJudged: number
  readonly clicksJudged: number
  readonly id: string
  readonly type: 'opened' | 'clicked'
  readonly occurredAt: Date
  readonly receivedAt: Date
  readonly human: boolean
  readonly payload: string
  readonly machineReason: MachineReason | null
}

/** All applied opens and clicks of some emails. Indexes: emails_pkey, events_email_id_provider_idx. */
export const readEngagements = (
  db: Database,
  emails: readonly EmailKey[],
): Promise<ChangedEngagement[]> => db.$queryRaw`
  SELECT emails.provider, emails.id AS "emailId", emails.delivered_at AS "deliveredAt",
         emails.opens_judged_machine AS "opensJudged", emails.clicks_judged_machine AS "clicksJudged",
         events.event_id AS id, events.type, events.occurred_at AS "occurredAt", events.received_at AS "receivedAt", events.human, events.payload::text AS payload,
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
  readonly receivedAt: Date
  readonly reason: MachineReason | null
}

export interface JudgedEmail extends EmailKey {
  readonly opens: number
  readonly clicks: number
}

/** Stores the verdicts and their counts in one transaction. Indexes: events_pkey, emails_pkey. */
export async function writeVerdicts(
  db: Database,
  verdicts: readonly EngagementVerdict[],
  emails: readonly JudgedEmail[],
): Promise<void> {
  const changedVerdicts = db.$executeRaw`
    UPDATE events SET machine_reason = judged.reason
    FROM unnest(${verdicts.map(({ provider }) => provider)}::text[], ${verdicts.map(({ id }) => id)}::text[],
                ${verdicts.map(({ receivedAt }) => receivedAt.toISOString())}::timestamptz[],
                ${verdicts.map(({ reason }) => reason)}::text[]) AS judged(provider, event_id, received_at, reason)
    WHERE events.provider = judged.provider AND events.event_id = judged.event_id
      AND events.received_at = judged.received_at`
  const changedEmails = db.$executeRaw`
    UPDATE emails SET opens_judged_machine = judged.opens, clicks_judged_machine = judged.clicks
    FROM unnest(${emails.map(({ provider }) => provider)}::text[], ${emails.map(({ emailId }) => emailId)}::text[],
                ${emails.map(({ opens }) => opens)}::int[], ${emails.map(({ clicks }) => clicks)}::int[])
           AS judged(provider, email_id, opens, clicks)
    WHERE emails.id = judged.email_id AND emails.provider = judged.provider
      AND (opens_judged_machine, clicks_judged_machine) IS DISTINCT FROM (judged.opens, judged.clicks)`
  await db.$transaction([changedVerdicts, changedEmails])
}
