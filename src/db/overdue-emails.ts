/** Which emails nobody looks after: their deadline is over, and nothing shows that it was met. */
import type { EmailKey } from '../domain/events.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { Database } from './database.ts'

export interface OverdueQuestion {
  readonly policy: LifecyclePolicy
  /** Deadlines before this have passed; epoch milliseconds. */
  readonly dueBefore: number
  readonly limit: number
}

/**
 * Emails that should have been escalated as stalled, or whose support should have been told again, before `dueBefore`: a
 * running workflow does that by its timer, so these have lost theirs. Lives that were given up are left alone.
 * Indexes: emails_unsettled, escalations_email_id_provider_reason_key, escalations_unresolved, emails_pkey.
 */
export const readOverdueEmails = (
  db: Database,
  { policy, dueBefore, limit }: OverdueQuestion,
): Promise<(EmailKey & { recipientDomain: string | null })[]> => {
  const { critical, normal, bulk } = policy.stallAfterMs
  const since = (ms: number) => new Date(dueBefore - ms).toISOString()
  return db.$queryRaw`
    WITH unwatched AS (
      (SELECT id, provider FROM emails
       WHERE settled_received_at IS NULL
         AND first_received_at > ${since(policy.giveUpAfterMs)}::timestamptz
         AND first_received_at < ${since(Math.min(critical, normal, bulk))}::timestamptz
         AND first_received_at < CASE priority WHEN 'critical' THEN ${since(critical)}::timestamptz
                                               WHEN 'bulk' THEN ${since(bulk)}::timestamptz
                                               ELSE ${since(normal)}::timestamptz END
         AND NOT EXISTS (SELECT FROM escalations
                         WHERE email_id = emails.id AND provider = emails.provider AND reason = 'stalled')
       ORDER BY first_received_at
       LIMIT ${limit})
      UNION
      (SELECT email_id, provider FROM escalations
       WHERE state <> 'resolved' AND next_notice_at < ${since(0)}::timestamptz
       LIMIT ${limit})
    )
    SELECT id AS "emailId", provider, recipient_domain AS "recipientDomain"
    FROM unwatched JOIN emails USING (id, provider)
    LIMIT ${limit}`
}
