/** Statements that read the recipients of emails. */
import type { Database } from './database.ts'
import type { EmailRecipient } from './generated/client.ts'

/**
 * The recipients of emails with these IDs, of any provider, with the row of each email that has what is known without a recipient.
 * Index: email_recipients_pkey.
 */
export const readRecipientsOf = (db: Database, emailIds: readonly string[]): Promise<EmailRecipient[]> =>
  db.emailRecipient.findMany({ where: { emailId: { in: [...emailIds] } } })

/** To how many of its recipients an email was delivered. */
export interface DeliveredCount {
  readonly provider: string
  readonly emailId: string
  readonly delivered: number
  readonly recipients: number
}

/** The counts of emails with these IDs, of any provider. Index: email_recipients_pkey. */
export const countDelivered = (db: Database, emailIds: readonly string[]): Promise<DeliveredCount[]> =>
  emailIds.length === 0
    ? Promise.resolve([])
    : db.$queryRaw`
        SELECT provider, email_id AS "emailId", count(*) FILTER (WHERE delivery = 'delivered')::int AS delivered,
               count(*)::int AS recipients
        FROM email_recipients WHERE email_id = ANY(${[...emailIds]}) AND key <> '' GROUP BY provider, email_id`
